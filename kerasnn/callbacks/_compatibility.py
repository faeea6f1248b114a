"""Callbacks that cannot work beside one another."""

import os
import pathlib
from typing import Any

import keras

from kerasnn.callbacks.best_model import BestModel
from kerasnn.callbacks.learning_rate_decay import LearningRateDecay
from kerasnn.callbacks.resume.resume import Resume

_SET_THE_RATE = (
    LearningRateDecay,
    keras.callbacks.ReduceLROnPlateau,
    keras.callbacks.LearningRateScheduler,
)


def check_together(callbacks: list[Any]) -> None:
    """Raises where a callback is given twice, or two set one learning rate or write to one file."""
    for i, callback in enumerate(callbacks):
        if any(callback is other for other in callbacks[:i]):
            raise ValueError(
                f"`callbacks` must hold each callback once; `{type(callback).__name__}` is in it "
                "twice, and would count each epoch twice. Leave out one."
            )
    _check_rates([c for c in callbacks if isinstance(c, _SET_THE_RATE)])
    _check_paths([c for c in callbacks if isinstance(c, (BestModel, Resume))])


def _check_rates(setters: list[Any]) -> None:
    if len(setters) > 1 and any(isinstance(c, LearningRateDecay) for c in setters):
        raise ValueError(
            "`callbacks` must hold nothing that sets the learning rate beside `LearningRateDecay`, "
            f"which sets it at each step or epoch; got {_listed(setters)}. Leave out all but one."
        )


def _check_paths(writers: list[Any]) -> None:
    by_path: dict[pathlib.Path, list[Any]] = {}
    for callback in writers:
        path = pathlib.Path(os.path.realpath(callback.path))
        by_path.setdefault(path, []).append(callback)
    for path, several in by_path.items():
        if len(several) > 1:
            raise ValueError(
                f"`path` must be another one for each callback; {_listed(several)} would all write "
                f"to {str(path)!r}. Give each a path of its own."
            )


def _listed(callbacks: list[Any]) -> str:
    return ", ".join(f"`{type(callback).__name__}`" for callback in callbacks)
