"""One fold: a newly built model, trained on one part of the rows and tested on the other."""

import copy
import dataclasses
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kerasnn import _checks, training
from kerasnn._core.random_state import derived
from kerasnn.callbacks import EarlyStopping, Resume
from kerasnn.selection.folds.dataset import Dataset
from kerasnn.selection.folds.metrics import DATA_LOSS, renamed_results, score_of
from kerasnn.selection.folds.model_builder import ModelBuilder
from kerasnn.selection.folds.scoring import scores_of
from kerasnn.selection.folds.splits import FoldRows, validation_split

# Callbacks that write a file, in which one fold would find what another has left.
_WRITERS = (
    keras.callbacks.BackupAndRestore,
    keras.callbacks.CSVLogger,
    keras.callbacks.ModelCheckpoint,
    Resume,
)
_TEST_ROWS = 4096


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
            if isinstance(callback, _WRITERS) and is_copy:
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
class FoldResult:
    """Scores, predictions and curves of one fold, with its seconds of training and of scoring."""

    scores: dict[str, float]
    predictions: Any = None
    history: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    best_epoch: int
    seconds: float = 0.0
    score_seconds: float = 0.0


def run_fold(
    dataset: Dataset,
    builder: ModelBuilder,
    params: dict[str, Any],
    rows: FoldRows,
    settings: FoldSettings,
    *,
    seed: int,
) -> FoldResult:
    """Trains a newly built model on the training rows of a fold, and scores it on the test rows."""
    began = time.perf_counter()
    callbacks = settings.new_callbacks()
    train, validation = rows.train, None
    fraction = settings.validation_part(callbacks)
    if fraction:
        train, inner = validation_split(dataset, train, fraction, derived(seed, 1))
        validation = dataset.take(inner)
    x, y, weight = dataset.take(train)
    model = builder(params, dataset.x, seed=seed)
    history = training.fit(
        model,
        x,
        y,
        sample_weight=weight,
        class_weight=settings.class_weight,
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        validation_data=validation,
        callbacks=callbacks or None,
        verbose=0,
        seed=seed,
    )
    trained = time.perf_counter()
    x, y, weight = dataset.take(rows.test)
    size = min(len(rows.test), _TEST_ROWS)
    results = training.evaluate(
        model, x, y, sample_weight=weight, batch_size=size, verbose=0, return_dict=True
    )
    predictions = training.predict(model, x, batch_size=size, verbose=0)
    names = renamed_results(model, dataset.metric_names)
    names |= {f"val_{name}": f"val_{new}" for name, new in names.items()}
    scores = {str(names.get(name, name)): score_of(name, value) for name, value in results.items()}
    if settings.data_loss:
        scores.setdefault(DATA_LOSS, scores["loss"] - mean_penalty(model, x, size))
    curves = {
        str(names.get(name, name)): [float(np.mean(v)) for v in curve]
        for name, curve in history.history.items()
    }
    return FoldResult(
        scores=_merged(scores, scores_of(settings.scorers, dataset, predictions, rows.test)),
        predictions=predictions,
        history=curves,
        best_epoch=_scored_epoch(callbacks, curves),
        seconds=trained - began,
        score_seconds=time.perf_counter() - trained,
    )


def _merged(metrics: dict[str, float], scores: dict[str, float]) -> dict[str, float]:
    """Returns both; raises where a metric and a score of one name have different values."""
    for name in metrics.keys() & scores.keys():
        if not np.isclose(metrics[name], scores[name], rtol=1e-4, atol=1e-6):
            rule = f"not hide a metric of the model, {name}={metrics[name]:.6g} for a fold"
            hint = f"Give it another name in a dictionary: scoring={{'my_{name}': ...}}."
            got = f"{name}={scores[name]:.6g}"
            raise _checks.InvalidArgument("scoring", rule, scores[name], hint, got=got)
    return metrics | scores


def _scored_epoch(callbacks: list[Any], curves: dict[str, list[float]]) -> int:
    """Returns the epoch, counted from 1, whose weights are scored."""
    epochs = len(curves["loss"])
    for callback in callbacks:
        stops = isinstance(callback, keras.callbacks.EarlyStopping)
        if stops and callback.restore_best_weights and callback.best is not None:
            epochs = callback.best_epoch + 1
    return epochs


def mean_penalty(model: Any, x: Any, batch_size: int) -> float:
    """Returns the penalties, on weights and on activations, in a model's loss on some rows.

    As in Keras's `evaluate` they are those of each batch, averaged over the rows.

    Args:
        model: A model with Keras's own loss.
        x: Inputs: an array or a structure of arrays.
        batch_size: Number of rows in a batch.
    """
    rows = len(keras.tree.flatten(x)[0])
    total = 0.0
    for start in range(0, rows, batch_size):
        end = min(start + batch_size, rows)
        part = keras.tree.map_structure(lambda a, s=start, e=end: a[s:e], x)
        model(part, training=False)
        total += (end - start) * float(sum(model.losses))
    return total / rows
