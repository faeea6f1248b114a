"""Callbacks that watch over training."""

from kerasnn.callbacks.diagnose import diagnose as diagnose
from kerasnn.callbacks.training_doctor import TrainingDoctor as TrainingDoctor
