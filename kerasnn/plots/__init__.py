"""Figures; each function takes `ax=None`, returns the Axes and shows nothing by itself."""

from kerasnn.plots.activations import activations as activations
from kerasnn.plots.confusion import confusion as confusion
from kerasnn.plots.decision_boundary import decision_boundary as decision_boundary
from kerasnn.plots.filters import filters as filters
from kerasnn.plots.gradients import gradients as gradients
from kerasnn.plots.history import history as history
from kerasnn.plots.learning_rates import learning_rates as learning_rates
from kerasnn.plots.reliability import reliability as reliability
from kerasnn.plots.worst import worst as worst
