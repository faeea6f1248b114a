"""The rows of the test part, with the predictions for them."""

import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn.data.split import Split
from kerasnn.tasks import Task
from kerasnn.tasks._row_losses import losses_of, targets_and_predictions
from kerasnn.training.predict import predict

MOST_STREAMED_ROWS = 20_000
MOST_SAMPLED_ROWS = 2_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class PredictedRows:
    """Targets and predictions of the test part.

    Attributes:
        task: The task.
        classes: Names of the classes or labels; empty for regression and counts.
        y: `(rows,)` class numbers for `binary` and `multiclass`, else `(rows, outputs)`.
        predictions: `(rows,)` probabilities of class 1 for `binary`, `(rows, classes)`
            probabilities for `multiclass`, else `(rows, outputs)`.
        losses: `(rows,)` loss of each row.
        worst: Indices of the rows with the largest losses, the largest first.
        worst_x: Their inputs.
        sample: Indices of at most 2,000 rows.
        sample_x: Their inputs; None where they are no table.
        is_complete: Whether these are all rows, or the first ones of a stream.
    """

    task: Task
    classes: tuple[str, ...]
    y: np.ndarray
    predictions: np.ndarray
    losses: np.ndarray
    worst: np.ndarray
    worst_x: np.ndarray
    sample: np.ndarray
    sample_x: np.ndarray | None
    is_complete: bool

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.y)

    @property
    def predicted(self) -> np.ndarray:
        """Predicted classes, in the shape of `y`; of numbers the predictions themselves."""
        if self.task is Task.MULTICLASS:
            return self.predictions.argmax(axis=1)
        if self.task.is_classification:
            return (self.predictions > 0.5).astype(int)
        return self.predictions

    def one_against_rest(self) -> list[tuple[str, np.ndarray, np.ndarray]]:
        """Returns name, 0-or-1 targets and probabilities of each class that has both."""
        if self.task is Task.BINARY:
            pairs = [(self.classes[1], self.y, self.predictions)]
        else:
            is_multilabel = self.task is Task.MULTILABEL
            pairs = [
                (name, self.y[:, i] if is_multilabel else self.y == i, self.predictions[:, i])
                for i, name in enumerate(self.classes)
            ]
        return [(name, y.astype(int), p) for name, y, p in pairs if 0 < y.mean() < 1]


def read(split: Split, model: keras.Model, n_worst: int) -> PredictedRows:
    """Predicts the test part once, batch by batch where it is a stream.

    Args:
        split: The data.
        model: Predicts them.
        n_worst: Number of rows to keep the inputs of.

    Raises:
        InvalidArgument: If the predictions do not suit the task or the targets.
    """
    if isinstance(split.x_test, tf.data.Dataset):
        return _of_stream(split, model, n_worst)
    y, predictions = _checked(split, split.y_test, predict(model, split.x_test, verbose=0))
    losses = losses_of(split.task, y, predictions)
    worst = np.argsort(-losses, kind="stable")[:n_worst]
    sample = np.arange(len(y))
    if len(y) > MOST_SAMPLED_ROWS:
        generator = np.random.default_rng(0)
        sample = np.sort(generator.choice(len(y), MOST_SAMPLED_ROWS, replace=False))
    x = np.asarray(split.x_test)
    return PredictedRows(
        task=split.task,
        classes=_classes(split, predictions),
        y=y,
        predictions=predictions,
        losses=losses,
        worst=worst,
        worst_x=x[worst],
        sample=sample,
        sample_x=x[sample] if x.ndim in (2, 3) else None,
        is_complete=True,
    )


def _of_stream(split: Split, model: keras.Model, n_worst: int) -> PredictedRows:
    targets, outputs, samples = [], [], []
    worst, worst_x, worst_losses = np.zeros(0, int), None, np.zeros(0)
    rows, is_complete = 0, True
    for x, y in split.x_test.as_numpy_iterator():
        if rows >= MOST_STREAMED_ROWS:
            is_complete = False
            break
        y, predictions = _checked(split, y, predict(model, x, verbose=0))
        losses = losses_of(split.task, y, predictions)
        # Images stay in memory only as long as they are among the worst.
        all_losses = np.concatenate([worst_losses, losses])
        kept = np.argsort(-all_losses, kind="stable")[:n_worst]
        worst = np.concatenate([worst, rows + np.arange(len(y))])[kept]
        worst_x = (x if worst_x is None else np.concatenate([worst_x, x]))[kept]
        worst_losses = all_losses[kept]
        if x.ndim in (2, 3) and rows < MOST_SAMPLED_ROWS:
            samples.append(x)
        targets.append(y)
        outputs.append(predictions)
        rows += len(y)
    y, predictions = np.concatenate(targets), np.concatenate(outputs)
    sample_x = np.concatenate(samples)[:MOST_SAMPLED_ROWS] if samples else None
    return PredictedRows(
        task=split.task,
        classes=_classes(split, predictions),
        y=y,
        predictions=predictions,
        losses=losses_of(split.task, y, predictions),
        worst=worst,
        worst_x=np.asarray(worst_x),
        sample=np.arange(min(rows, MOST_SAMPLED_ROWS)),
        sample_x=sample_x,
        is_complete=is_complete,
    )


def _checked(split: Split, y: Any, outputs: Any) -> tuple[np.ndarray, np.ndarray]:
    """Returns targets and predictions in the shapes of `PredictedRows`."""
    return targets_and_predictions(split.task, y, outputs, split.classes)


def _classes(split: Split, predictions: np.ndarray) -> tuple[str, ...]:
    if not split.task.is_classification:
        return ()
    if split.classes is not None:
        return tuple(split.classes)
    count = 2 if split.task is Task.BINARY else predictions.shape[1]
    return tuple(map(str, range(count)))
