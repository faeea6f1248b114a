"""Figures; each function returns the Axes that it has drawn on.

With `ax=None` these are pyplot's current Axes, as in seaborn, or those of a new figure where the
current ones have data already. So a notebook shows the figure below its cell, `plt.savefig` writes
it and `plt.close` frees it. A given Axes is used as it is, also for one plot over another.
"""

from kerasnn.plots.activations import activations
from kerasnn.plots.augmentation import augmentation
from kerasnn.plots.filters import filters
from kerasnn.plots.gradients import gradients
from kerasnn.plots.history import history
from kerasnn.plots.importance import importance
from kerasnn.plots.learning_rates import learning_rates
from kerasnn.plots.predictions.confusion import confusion
from kerasnn.plots.predictions.decision_boundary import decision_boundary
from kerasnn.plots.predictions.reliability import reliability
from kerasnn.plots.predictions.residuals import prediction_error, residuals
from kerasnn.plots.predictions.sequence import sequence
from kerasnn.plots.predictions.threshold_curves import precision_recall, roc
from kerasnn.plots.predictions.worst import worst

__all__ = [
    "activations",
    "augmentation",
    "confusion",
    "decision_boundary",
    "filters",
    "gradients",
    "history",
    "importance",
    "learning_rates",
    "precision_recall",
    "prediction_error",
    "reliability",
    "residuals",
    "roc",
    "sequence",
    "worst",
]


def __dir__() -> list[str]:
    return sorted(__all__)
