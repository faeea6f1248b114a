"""Training and scoring of folds: one alone, or several at once in one program."""

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from kerasnn import _checks, training
from kerasnn._core.random_state import derived
from kerasnn.selection.folds.dataset import Dataset
from kerasnn.selection.folds.fold import BuiltFold, Fold, FoldResult, FoldSettings
from kerasnn.selection.folds.metrics import DATA_LOSS, renamed_results, score_of
from kerasnn.selection.folds.model_builder import ModelBuilder
from kerasnn.selection.folds.scoring import scores_of
from kerasnn.selection.folds.splits import validation_split
from kerasnn.training.loop.job import Job
from kerasnn.training.loop.training_loop import ask_callbacks
from kerasnn.training.many.stackable import floats_of_row
from kerasnn.training.many.stacked_training import Member, StackedTraining

_TEST_ROWS = 4096
_TEST_FLOATS = 1 << 24


@dataclasses.dataclass(frozen=True, kw_only=True)
class FoldTraining:
    """Trains newly built models on folds of a dataset, and scores them on the test rows.

    Attributes:
        dataset: The data.
        builder: Builds models.
        settings: How each fold is trained and scored.
    """

    dataset: Dataset
    builder: ModelBuilder
    settings: FoldSettings

    def build(self, fold: Fold, stacked: bool = False) -> BuiltFold:
        """Returns a fold with a newly built model, its callbacks and its validation rows.

        Args:
            fold: The fold.
            stacked: Whether the model is to train in a stack.
        """
        began = time.perf_counter()
        callbacks = self.settings.new_callbacks()
        train, validation = fold.rows.train, None
        fraction = self.settings.validation_part(callbacks)
        if fraction:
            seed = derived(fold.seed, 1)
            train, validation = validation_split(self.dataset, train, fraction, seed)
        model = self.builder(fold.params, self.dataset.x, seed=fold.seed, stacked=stacked)
        return BuiltFold(
            model=model,
            callbacks=callbacks,
            train=train,
            validation=validation,
            test=fold.rows.test,
            seed=fold.seed,
            seconds=time.perf_counter() - began,
        )

    def alone(self, fold: BuiltFold) -> FoldResult:
        """Returns the result of one fold."""
        began = time.perf_counter()
        dataset, settings, model = self.dataset, self.settings, fold.model
        x, y, weight = dataset.take(fold.train)
        history = training.fit(
            model,
            x,
            y,
            sample_weight=weight,
            class_weight=settings.class_weight,
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            validation_data=None if fold.validation is None else dataset.take(fold.validation),
            callbacks=fold.callbacks or None,
            verbose=0,
            seed=fold.seed,
        )
        trained = time.perf_counter()
        x, y, weight = dataset.take(fold.test)
        size = min(len(fold.test), _TEST_ROWS)
        logs = training.evaluate(
            model, x, y, sample_weight=weight, batch_size=size, verbose=0, return_dict=True
        )
        scored = _Scored(
            names=self._names(model),
            logs=logs,
            penalty=mean_penalty(model, x, size) if settings.data_loss else 0.0,
            outputs=training.predict(model, x, batch_size=size, verbose=0),
            history=history.history,
        )
        result = self._result(fold, scored)
        now = time.perf_counter()
        seconds = fold.seconds + trained - began
        return dataclasses.replace(result, seconds=seconds, score_seconds=now - trained)

    def together(
        self, folds: Sequence[BuiltFold], on_epoch: Callable[[int], None]
    ) -> list[FoldResult | Exception]:
        """Returns the results of folds whose models have one architecture, or their errors.

        Args:
            folds: The folds; they fit into memory at once.
            on_epoch: Receives the number of epochs that were run, after each.

        Raises:
            Exception: What training alone raises for one of the folds.
        """
        began = time.perf_counter()
        dataset, settings, first = self.dataset, self.settings, folds[0].model
        job = Job.read(
            model=first,
            x=dataset.x,
            y=dataset.y,
            sample_weight=dataset.sample_weight,
            class_weight=settings.class_weight,
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            verbose=0,
        )
        # Validation and test have no class weights.
        rows = (dataset.x, dataset.y, dataset.sample_weight)
        if folds[0].validation is not None:
            job = dataclasses.replace(job, validation_data=rows)
        for fold in folds:
            if fold.callbacks:
                callbacks = tuple(fold.callbacks)
                ask_callbacks(dataclasses.replace(job, model=fold.model, callbacks=callbacks))
        members = [
            Member(
                model=fold.model,
                rows=fold.train,
                validation_rows=fold.validation,
                callbacks=tuple(fold.callbacks),
                seed=fold.seed,
                start=fold.start,
            )
            for fold in folds
        ]
        stack = StackedTraining(job, keras.utils.pack_x_y_sample_weight(*rows), members)
        histories = stack.train(on_epoch)
        trained = time.perf_counter()
        room = _TEST_FLOATS // (len(folds) * floats_of_row(first))
        tested = stack.test([fold.test for fold in folds], min(_TEST_ROWS, max(1, room)))
        results: list[FoldResult | Exception] = []
        models = [stack.named_by(i) for i in range(len(folds))]
        names = {id(model): self._names(model) for model in {id(m): m for m in models}.values()}
        for fold, model, history, found in zip(folds, models, histories, tested, strict=True):
            scored = _Scored(
                names=names[id(model)],
                logs=found.logs,
                penalty=found.penalty,
                outputs=found.outputs,
                history=history.history,
            )
            results.append(history.error or attempt(self._result, fold, scored))
        shared = (trained - began) / len(folds), (time.perf_counter() - trained) / len(folds)
        return [
            dataclasses.replace(result, seconds=fold.seconds + shared[0], score_seconds=shared[1])
            if isinstance(result, FoldResult)
            else result
            for fold, result in zip(folds, results, strict=True)
        ]

    def _names(self, model: Any) -> dict[str, str]:
        """Returns name in the logs of a model -> name in those of the first one of all."""
        names = renamed_results(model, self.dataset.metric_names)
        return names | {f"val_{name}": f"val_{new}" for name, new in names.items()}

    def _result(self, fold: BuiltFold, scored: "_Scored") -> FoldResult:
        names = scored.names
        scores = {str(names.get(k, k)): score_of(k, value) for k, value in scored.logs.items()}
        if self.settings.data_loss:
            scores.setdefault(DATA_LOSS, scores["loss"] - scored.penalty)
        curves = {
            str(names.get(name, name)): [float(np.mean(v)) for v in curve]
            for name, curve in scored.history.items()
        }
        more = scores_of(self.settings.scorers, self.dataset, scored.outputs, fold.test)
        return FoldResult(
            scores=_merged(scores, more),
            predictions=scored.outputs,
            history=curves,
            best_epoch=_scored_epoch(fold.callbacks, curves),
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Scored:
    """A trained model on the test rows of its fold.

    Attributes:
        names: Names of the results, by those in the logs.
        logs: Loss and metrics.
        penalty: Mean of the penalties in the loss.
        outputs: Outputs.
        history: Curves of the training.
    """

    names: dict[str, str]
    logs: dict[str, Any]
    penalty: float
    outputs: Any
    history: dict[str, Any]


def attempt(run: Callable[..., Any], *args: Any) -> Any:
    """Returns what a function returns, or the error that it raises."""
    try:
        return run(*args)
    except Exception as error:  # noqa: BLE001  Another fold may not raise it.
        return error


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
