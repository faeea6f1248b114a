"""Keras 3 networks that are built right, trained fast, checked honestly and served."""

from kerasnn import tasks as tasks
from kerasnn._version import __version__ as __version__
