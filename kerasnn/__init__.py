"""Keras 3 networks that are built right, trained fast, checked honestly and served."""

import importlib as _importlib
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

import keras as _keras

if _keras.config.backend() != "tensorflow":
    raise ImportError(
        f"kerasnn needs Keras's TensorFlow backend; got {_keras.config.backend()!r}. Set the "
        "environment variable KERAS_BACKEND=tensorflow before Python starts."
    )

from kerasnn import (
    autodiff,
    callbacks,
    config,
    data,
    doctor,
    layers,
    models,
    ops,
    optimizers,
    plots,
    schedules,
    serving,
    tasks,
    training,
    transfer,
)
from kerasnn._checks import InvalidArgument
from kerasnn._version import __version__
from kerasnn.models import Model, Sequential
from kerasnn.training import fit, fit_many, lr_find
from kerasnn.training.compilation_cache.process_cache import process_cache as _process_cache

if _TYPE_CHECKING:
    from kerasnn import report, selection

__all__ = [
    "InvalidArgument",
    "Model",
    "Sequential",
    "__version__",
    "autodiff",
    "callbacks",
    "config",
    "data",
    "doctor",
    "fit",
    "fit_many",
    "layers",
    "lr_find",
    "models",
    "ops",
    "optimizers",
    "plots",
    "report",
    "schedules",
    "selection",
    "serving",
    "tasks",
    "training",
    "transfer",
]

# Imported when they are used, since they import scikit-learn.
_LAZY = ("report", "selection")


# TensorFlow reads where compiled programs are kept when it creates the first tensor.
_process_cache.announce()


def __getattr__(name: str) -> _Any:
    if name in _LAZY:
        return _importlib.import_module(f"kerasnn.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
