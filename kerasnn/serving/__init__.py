"""SavedModels that TensorFlow Serving loads."""

from kerasnn.serving.client import client as client
from kerasnn.serving.export import export as export
from kerasnn.serving.export_report import ExportReport as ExportReport
from kerasnn.serving.predictor import Predictor as Predictor
from kerasnn.serving.rest_client import RestClient as RestClient
from kerasnn.serving.verification import Verification as Verification
from kerasnn.serving.verify import verify as verify
