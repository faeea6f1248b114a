"""Checks that callbacks can work beside one another, and beside copies of themselves."""

import os
import pathlib
from typing import Any

import keras

from kerasnn import _checks
from kerasnn.callbacks.best_model import BestModel
from kerasnn.callbacks.learning_rate_decay import LearningRateDecay
from kerasnn.callbacks.resume.resume import Resume

_SET_THE_RATE = (
    LearningRateDecay,
    keras.callbacks.ReduceLROnPlateau,
    keras.callbacks.LearningRateScheduler,
)

_WRITERS = (
    keras.callbacks.BackupAndRestore,
    keras.callbacks.CSVLogger,
    keras.callbacks.ModelCheckpoint,
    keras.callbacks.TensorBoard,
    Resume,
)


def writes_files(callback: Any) -> bool:
    """Whether a callback writes files, which its copies for other models would overwrite."""
    return isinstance(callback, _WRITERS)


def check_together(callbacks: list[Any]) -> None:
    """Raises where a callback is given twice, or two set one learning rate or write to one file."""
    for i, callback in enumerate(callbacks):
        if any(callback is other for other in callbacks[:i]):
            raise _checks.InvalidArgument(
                "callbacks",
                "hold each callback once",
                callback,
                "It would count each epoch twice. Leave out one.",
                got=f"the same `{type(callback).__name__}` twice",
            )
    _check_rates([c for c in callbacks if isinstance(c, _SET_THE_RATE)])
    _check_paths([c for c in callbacks if isinstance(c, (BestModel, Resume))])


def _check_rates(setters: list[Any]) -> None:
    if len(setters) > 1 and any(isinstance(c, LearningRateDecay) for c in setters):
        raise _checks.InvalidArgument(
            "callbacks",
            "hold nothing that sets the learning rate beside `LearningRateDecay`, which sets it "
            "at each step or epoch",
            setters,
            "Leave out all but one.",
            got=_listed(setters),
        )


def _check_paths(writers: list[Any]) -> None:
    by_path: dict[pathlib.Path, list[Any]] = {}
    for callback in writers:
        path = pathlib.Path(os.path.realpath(callback.path))
        by_path.setdefault(path, []).append(callback)
    for path, several in by_path.items():
        if len(several) > 1:
            raise _checks.InvalidArgument(
                "path",
                "be a different one for each callback",
                str(path),
                "Give each a path of its own.",
                got=f"{str(path)!r} for {_listed(several)}",
            )


def _listed(callbacks: list[Any]) -> str:
    return ", ".join(f"`{type(callback).__name__}`" for callback in callbacks)
