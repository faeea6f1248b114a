"""Figures; each function takes `ax=None`, returns the Axes and shows nothing by itself."""

from kerasnn.plots.activations import activations
from kerasnn.plots.augmentation import augmentation
from kerasnn.plots.confusion import confusion
from kerasnn.plots.decision_boundary import decision_boundary
from kerasnn.plots.filters import filters
from kerasnn.plots.gradients import gradients
from kerasnn.plots.history import history
from kerasnn.plots.learning_rates import learning_rates
from kerasnn.plots.reliability import reliability
from kerasnn.plots.worst import worst

__all__ = [
    "activations",
    "augmentation",
    "confusion",
    "decision_boundary",
    "filters",
    "gradients",
    "history",
    "learning_rates",
    "reliability",
    "worst",
]


def __dir__() -> list[str]:
    return sorted(__all__)
