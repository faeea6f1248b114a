"""SavedModels that TensorFlow Serving loads."""

from kerasnn.serving.client import client
from kerasnn.serving.export import export
from kerasnn.serving.predictor import Predictor
from kerasnn.serving.report import ExportReport
from kerasnn.serving.rest.client import RestClient
from kerasnn.serving.runtime.verification import Verification
from kerasnn.serving.verify import verify

__all__ = [
    "ExportReport",
    "Predictor",
    "RestClient",
    "Verification",
    "client",
    "export",
    "verify",
]


def __dir__() -> list[str]:
    return sorted(__all__)
