"""Keras 3 networks that are built right, trained fast, checked honestly and served."""

import importlib as _importlib
from typing import Any as _Any

import keras as _keras

if _keras.config.backend() != "tensorflow":
    raise ImportError(
        f"kerasnn needs Keras's TensorFlow backend; got {_keras.config.backend()!r}. Set the "
        "environment variable KERAS_BACKEND=tensorflow before Python starts."
    )

from kerasnn import autodiff as autodiff
from kerasnn import callbacks as callbacks
from kerasnn import data as data
from kerasnn import layers as layers
from kerasnn import models as models
from kerasnn import optimizers as optimizers
from kerasnn import plots as plots
from kerasnn import schedules as schedules
from kerasnn import serving as serving
from kerasnn import tasks as tasks
from kerasnn import training as training
from kerasnn import transfer as transfer
from kerasnn._checks import InvalidArgument as InvalidArgument
from kerasnn._version import __version__ as __version__
from kerasnn.models import Model as Model
from kerasnn.models import Sequential as Sequential
from kerasnn.training import fit as fit
from kerasnn.training import lr_find as lr_find

# Imported when it is used, since it imports scikit-learn.
_LAZY = ("selection",)


def __getattr__(name: str) -> _Any:
    if name in _LAZY:
        return _importlib.import_module(f"kerasnn.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY])
