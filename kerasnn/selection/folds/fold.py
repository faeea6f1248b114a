"""One fold: a fresh model, trained on one part of the rows and judged by the other."""

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
from kerasnn.selection.folds.dataset import Problem, built
from kerasnn.selection.folds.metrics import DATA_LOSS, score_of, steady_names
from kerasnn.selection.folds.scoring import scores_of
from kerasnn.selection.folds.splits import Split, inner_split
from kerasnn.selection.sharing.model_pool import Workbench

# They keep a file, in which one fold would find what another has left.
_WRITERS = (
    keras.callbacks.BackupAndRestore,
    keras.callbacks.CSVLogger,
    keras.callbacks.ModelCheckpoint,
    Resume,
)
_TEST_ROWS = 4096
# Rows by which is told whether two models do alike.
_LOOK_ROWS = 8


@dataclasses.dataclass(frozen=True)
class Training:
    """How each fold is trained.

    The fields are arguments of `cross_validate`. `scorers` hold the functions of `scoring`, and
    `data_loss` says whether the loss without penalties is a score too.
    """

    epochs: int
    batch_size: int | str
    callbacks: Any = None
    patience: int | None = None
    validation_fraction: float | None = None
    class_weight: dict[int, float] | None = None
    scorers: dict[str, Callable[..., float]] = dataclasses.field(default_factory=dict)
    data_loss: bool = False

    def __post_init__(self) -> None:
        _checks.whole_number("epochs", self.epochs)
        if not _checks.is_one_of(self.batch_size, "full"):
            _checks.whole_number("batch_size", self.batch_size)
        if self.patience is not None:
            _checks.whole_number("patience", self.patience, at_least=0)
        if self.validation_fraction is not None:
            _checks.number("validation_fraction", self.validation_fraction, at_least=0, below=1)

    def fresh_callbacks(self) -> list[Any]:
        """Returns callbacks that no fold has used."""
        given = self.callbacks
        if callable(given) and not isinstance(given, keras.callbacks.Callback):
            made, shared = given(), False
        else:
            made, shared = copy.deepcopy(given), True
        callbacks = [] if made is None else keras.tree.flatten(made)
        for callback in callbacks:
            if not isinstance(callback, keras.callbacks.Callback):
                raise _checks.InvalidArgument(
                    "callbacks", "be callbacks, or a function that returns them", callback
                )
            if isinstance(callback, _WRITERS) and shared:
                raise _checks.InvalidArgument(
                    "callbacks",
                    f"not share a file between folds, as copies of {type(callback).__name__} do",
                    callback,
                    "Give a function that returns new ones, with a path for each.",
                )
        if self.patience is not None:
            callbacks.append(EarlyStopping(patience=self.patience))
        return callbacks

    def held_out(self, callbacks: list[Any]) -> float:
        """Returns the share of a fold's training rows that is to be validated on."""
        if self.validation_fraction is not None:
            return self.validation_fraction
        monitored = [str(getattr(callback, "monitor", "")) for callback in callbacks]
        return 0.1 if any(name.startswith("val_") for name in monitored) else 0.0

    def steps(self, rows: int) -> int:
        """Returns the number of steps on some rows."""
        size = rows if self.batch_size == "full" else int(self.batch_size)
        return self.epochs * -(-rows // size)


@dataclasses.dataclass(frozen=True)
class FoldResult:
    """What came out of one fold; the times are those of training and of judging."""

    scores: dict[str, float]
    predictions: Any
    history: dict[str, list[float]]
    best_epoch: int
    seconds: float
    score_seconds: float


def run_fold(
    problem: Problem,
    build: Callable[..., Any],
    params: dict[str, Any],
    split: Split,
    how: Training,
    bench: Workbench,
    seed: int,
) -> FoldResult:
    """Trains a fresh model on the training rows of a fold, and judges it by the test rows."""
    began = time.perf_counter()
    train, test = split
    callbacks = how.fresh_callbacks()
    share, held = how.held_out(callbacks), None
    if share:
        train, inner = inner_split(problem, train, share, derived(seed, 1))
        held = problem.take(inner)
    x, y, weight = problem.take(train)
    fresh = built(build, params, seed, problem.x)
    look = problem.take(train[:: -(-len(train) // _LOOK_ROWS)])
    model = bench.place(fresh, look, None if may_change_models(callbacks) else params)
    history = training.fit(
        model,
        x,
        y,
        sample_weight=weight,
        class_weight=how.class_weight,
        epochs=how.epochs,
        batch_size=how.batch_size,
        validation_data=held,
        callbacks=callbacks or None,
        verbose=0,
        seed=seed,
    )
    trained = time.perf_counter()
    x, y, weight = problem.take(test)
    size = min(len(test), _TEST_ROWS)
    scores = training.evaluate(
        model, x, y, sample_weight=weight, batch_size=size, verbose=0, return_dict=True
    )
    predictions = training.predict(model, x, batch_size=size, verbose=0)
    names = steady_names(model, scores, problem.own_names)
    names |= {f"val_{name}": f"val_{steady}" for name, steady in names.items()}
    scores = {names[name]: score_of(name, value) for name, value in scores.items()}
    if how.data_loss:
        scores.setdefault(DATA_LOSS, scores["loss"] - added_loss(model, x, size))
    scores = _together(scores, scores_of(how.scorers, problem, predictions, test))
    curves = {
        str(names.get(name, name)): [float(np.mean(v)) for v in curve]
        for name, curve in history.history.items()
    }
    best = _scored_epoch(callbacks, curves)
    return FoldResult(
        scores, predictions, curves, best, trained - began, time.perf_counter() - trained
    )


def may_change_models(callbacks: list[Any]) -> bool:
    """Whether code of the user's runs between epochs, and may set what no copy of values undoes."""
    return any(
        type(callback) is keras.callbacks.LambdaCallback
        or type(callback).__module__.partition(".")[0] not in ("keras", "kerasnn")
        for callback in callbacks
    )


def _together(metrics: dict[str, float], scores: dict[str, float]) -> dict[str, float]:
    """Returns both; raises where two of one name say different things."""
    for name in metrics.keys() & scores.keys():
        if not np.isclose(metrics[name], scores[name], rtol=1e-4, atol=1e-6):
            raise ValueError(
                f"`scoring` must not hide a metric of the model; its {name!r} says "
                f"{metrics[name]:.6g} of the test rows of a fold, that of `scoring` "
                f"{scores[name]:.6g}. Give it another name in a dictionary: "
                f"scoring={{'my_{name}': ...}}."
            )
    return metrics | scores


def _scored_epoch(callbacks: list[Any], curves: dict[str, list[float]]) -> int:
    """Returns the number of epochs that the model has trained for, whose weights are scored."""
    epochs = len(curves["loss"])
    for callback in callbacks:
        stops = isinstance(callback, keras.callbacks.EarlyStopping)
        if stops and callback.restore_best_weights and callback.best is not None:
            epochs = callback.best_epoch + 1
    return epochs


def added_loss(model: Any, x: Any, batch_size: int) -> float:
    """Returns the penalties, on weights and on activations, in a model's loss on some rows.

    As in Keras's `evaluate` they are those of each batch, averaged over the rows.

    Args:
        model: A model that takes its loss from Keras.
        x: Inputs: an array or a structure of arrays.
        batch_size: Rows to a batch.
    """
    rows = len(keras.tree.flatten(x)[0])
    total = 0.0
    for start in range(0, rows, batch_size):
        end = min(start + batch_size, rows)
        part = keras.tree.map_structure(lambda a, s=start, e=end: a[s:e], x)
        model(part, training=False)
        total += (end - start) * float(sum(model.losses))
    return total / rows
