"""One fold: what it trains on, how, and its result."""

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kerasnn import _checks
from kerasnn.callbacks import EarlyStopping
from kerasnn.callbacks._compatibility import writes_files
from kerasnn.selection.folds.splits import FoldRows


@dataclasses.dataclass(frozen=True, kw_only=True)
class FoldSettings:
    """How each fold is trained and scored.

    The fields are arguments of `cross_validate`; `scorers` are the functions of `scoring`, and
    `data_loss` says whether the loss without penalties is a score too.
    """

    epochs: int
    batch_size: int | str = 32
    callbacks: Any = None
    patience: int | None = None
    validation_fraction: float | None = None
    class_weight: dict[int, float] | None = None
    scorers: dict[str, Callable[..., float]] = dataclasses.field(default_factory=dict)
    data_loss: bool = False

    def __post_init__(self) -> None:
        _checks.integer("epochs", self.epochs)
        if not _checks.is_one_of(self.batch_size, "full"):
            _checks.integer("batch_size", self.batch_size)
        if self.patience is not None:
            _checks.integer("patience", self.patience, at_least=0)
        if self.validation_fraction is not None:
            _checks.number("validation_fraction", self.validation_fraction, at_least=0, below=1)

    def new_callbacks(self) -> list[Any]:
        """Returns callbacks that no fold has used."""
        given = self.callbacks
        if callable(given) and not isinstance(given, keras.callbacks.Callback):
            made, is_copy = given(), False
        else:
            made, is_copy = copy.deepcopy(given), True
        callbacks = [] if made is None else keras.tree.flatten(made)
        for callback in callbacks:
            if not isinstance(callback, keras.callbacks.Callback):
                rule = "be callbacks, or a function that returns them"
                raise _checks.InvalidArgument("callbacks", rule, callback)
            if is_copy and writes_files(callback):
                rule = f"not share a file between folds, as copies of {type(callback).__name__} do"
                hint = "Give a function that returns new ones, with a path for each."
                raise _checks.InvalidArgument("callbacks", rule, callback, hint)
        if self.patience is not None:
            callbacks.append(EarlyStopping(patience=self.patience))
        return callbacks

    def validation_part(self, callbacks: list[Any]) -> float:
        """Returns the fraction of a fold's training rows to validate on."""
        if self.validation_fraction is not None:
            return self.validation_fraction
        monitored = [str(getattr(callback, "monitor", "")) for callback in callbacks]
        return 0.1 if any(name.startswith("val_") for name in monitored) else 0.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fold:
    """What a fold trains.

    Attributes:
        params: Arguments of `build`.
        rows: Indices of its rows.
        seed: Seed of weights, validation rows and orders.
    """

    params: dict[str, Any]
    rows: FoldRows
    seed: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class BuiltFold:
    """A fold with a newly built model.

    Attributes:
        model: The model.
        callbacks: Callbacks that no other fold uses.
        train: Indices of the rows to train on.
        validation: Indices of the rows to validate on, or None.
        test: Indices of the rows to test on.
        seed: Seed of the order of rows.
        start: A model of another setting with whose variables the fold starts, if `model` is the
            one of all folds of its setting; else None.
        seconds: Time that building took.
    """

    model: Any
    callbacks: list[Any]
    train: np.ndarray
    validation: np.ndarray | None
    test: np.ndarray
    seed: int
    start: Any = None
    seconds: float = 0.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class FoldResult:
    """Scores, predictions and curves of one fold, with its seconds of training and of scoring.

    Of folds that train at once the seconds are divided evenly.
    """

    scores: dict[str, float]
    predictions: Any = None
    history: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    best_epoch: int
    seconds: float = 0.0
    score_seconds: float = 0.0
