"""Export to SavedModels that TensorFlow Serving loads, and prediction with them."""

from typing import TYPE_CHECKING as _TYPE_CHECKING

from kerasnn._core.process.command_line import IS_COMMAND_LINE as _IS_COMMAND_LINE

# `kerasnn predict` and `kerasnn verify` need neither Keras nor TensorFlow's Python.
if _TYPE_CHECKING or not _IS_COMMAND_LINE:
    from kerasnn.serving.client import Client, client
    from kerasnn.serving.export import export
    from kerasnn.serving.predictor import Predictor
    from kerasnn.serving.report import ExportReport
    from kerasnn.serving.runtime.verification import Verification
    from kerasnn.serving.verify import verify

__all__ = [
    "Client",
    "ExportReport",
    "Predictor",
    "Verification",
    "client",
    "export",
    "verify",
]


def __dir__() -> list[str]:
    return sorted(__all__)
