"""SavedModels that TensorFlow Serving loads."""

from kerasnn.serving.export import export as export
from kerasnn.serving.export_report import ExportReport as ExportReport
