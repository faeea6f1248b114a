"""Figures; each function takes `ax=None`, returns the Axes and shows nothing by itself."""

from kerasnn.plots.confusion import confusion as confusion
from kerasnn.plots.history import history as history
