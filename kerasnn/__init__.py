"""Keras 3 networks that are built right, trained fast, checked honestly and served."""

import importlib as _importlib
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from kerasnn._core.process.command_line import IS_COMMAND_LINE as _IS_COMMAND_LINE
from kerasnn._version import __version__

# The command line answers before TensorFlow would be imported; a command that needs it imports
# `kerasnn._public`.
if _TYPE_CHECKING or not _IS_COMMAND_LINE:
    from kerasnn._public import (
        InvalidArgument,
        Model,
        Sequential,
        autodiff,
        callbacks,
        config,
        data,
        doctor,
        fit,
        fit_many,
        layers,
        load,
        lr_find,
        models,
        ops,
        optimizers,
        schedules,
        tasks,
        training,
        transfer,
    )

if _TYPE_CHECKING:
    from kerasnn import playground, plots, report, scale, selection, serving

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
    "load",
    "lr_find",
    "models",
    "ops",
    "optimizers",
    "playground",
    "plots",
    "report",
    "scale",
    "schedules",
    "selection",
    "serving",
    "tasks",
    "training",
    "transfer",
]

# Imported when they are used, since they import scikit-learn or take long. Of the others Keras has
# to know the layers, to load files.
_LAZY = ("playground", "plots", "report", "scale", "selection", "serving")


def __getattr__(name: str) -> _Any:
    if name in _LAZY:
        return _importlib.import_module(f"kerasnn.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
