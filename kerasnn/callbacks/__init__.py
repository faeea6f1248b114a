"""Callbacks: each is an ordinary `keras.callbacks.Callback`.

`Callback` documents the hooks that `kerasnn.fit` calls besides Keras's own.
"""

from kerasnn._core.callback import Callback
from kerasnn.callbacks.best_model import BestModel
from kerasnn.callbacks.early_stopping import EarlyStopping
from kerasnn.callbacks.learning_rate_decay import LearningRateDecay
from kerasnn.callbacks.live_plot import LivePlot
from kerasnn.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from kerasnn.callbacks.resume.resume import Resume
from kerasnn.doctor.diagnose import diagnose
from kerasnn.doctor.training_doctor import TrainingDoctor

__all__ = [
    "BestModel",
    "Callback",
    "EarlyStopping",
    "LearningRateDecay",
    "LivePlot",
    "ReduceLROnPlateau",
    "Resume",
    "TrainingDoctor",
    "diagnose",
]


def __dir__() -> list[str]:
    return sorted(__all__)
