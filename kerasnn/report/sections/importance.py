"""Permutation importance by column of the table."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from sklearn.base import BaseEstimator
from sklearn.inspection import permutation_importance

from kerasnn._core.display.blocks import Bar, Paragraph, Section, Table, decimals_of, fixed
from kerasnn.data.split import Split
from kerasnn.report.predicted_rows import PredictedRows, losses_of
from kerasnn.tasks import Task
from kerasnn.training.predict import predict

_MOST_COLUMNS = 100
_MOST_SHOWN = 30


@dataclasses.dataclass(frozen=True, kw_only=True)
class Importance:
    """How much the loss rises when the values of a column are permuted among the rows.

    Attributes:
        name: Name of the column.
        mean: Mean over the permutations.
        deviation: Standard deviation over the permutations.
    """

    name: str
    mean: float
    deviation: float


class _ByRowNumbers(BaseEstimator):
    """Predicts rows whose entry in each column is the number of the row to take it from.

    So scikit-learn can permute columns of any kind: texts, numbers, windows.
    """

    def __init__(self, outputs: Callable[[np.ndarray], np.ndarray]) -> None:
        self.outputs = outputs

    def fit(self, x: Any, y: Any = None) -> "_ByRowNumbers":
        """Has nothing to learn."""
        return self

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Returns the model's outputs."""
        return self.outputs(rows)


def importances(
    split: Split, model: keras.Model, part: PredictedRows, repeats: int
) -> list[Importance]:
    """Returns the importance of each column, the largest first.

    Columns are the raw ones where there is an encoder, else those of a table x. It is empty where
    there is no table, or one of more than 100 columns.

    Args:
        split: The data, with their encoder and raw test rows.
        model: Predicts x.
        part: The test part, of which at most 2,000 rows are used.
        repeats: Number of permutations of each column.
    """
    if split.encoder is not None and split.raw_test is not None:
        raw = {name: values[part.sample] for name, values in split.raw_test.items()}
        names, x_of = list(raw), _encoded(split.encoder, raw)
    elif part.sample_x is not None:
        count = part.sample_x.shape[-1]
        names = list(split.features or [f"column {i}" for i in range(count)])
        x_of = _of_table(part.sample_x)
    else:
        return []
    if len(names) > _MOST_COLUMNS or repeats == 0:
        return []
    y = part.y[part.sample]

    def outputs(rows: np.ndarray) -> np.ndarray:
        found = np.asarray(predict(model, x_of(rows), batch_size=256, verbose=0), np.float64)
        return found.reshape(len(rows), *part.predictions.shape[1:])

    def negative_loss(estimator: Any, rows: np.ndarray, y: np.ndarray) -> float:
        return -float(losses_of(part.task, y, estimator.predict(rows)).mean())

    numbers = np.tile(np.arange(len(y))[:, None], (1, len(names)))
    found: Any = permutation_importance(
        _ByRowNumbers(outputs),
        numbers,
        y,
        scoring=negative_loss,
        n_repeats=repeats,
        random_state=0,
    )
    pairs = zip(names, found.importances_mean, found.importances_std, strict=True)
    each = [Importance(name=n, mean=float(m), deviation=float(d)) for n, m, d in pairs]
    return sorted(each, key=lambda importance: -importance.mean)


def importance(found: list[Importance], part: PredictedRows, repeats: int) -> Section | None:
    """Returns the section; None where nothing was found."""
    if not found:
        return None
    largest = max(found[0].mean, 1e-12)
    listed = found[:_MOST_SHOWN]
    decimals = decimals_of(largest)
    rows = [
        (
            each.name,
            fixed(each.mean, decimals),
            f"± {fixed(each.deviation, decimals)}",
            Bar(max(each.mean, 0) / largest),
        )
        for each in listed
    ]
    head = ("column", "rise of the loss", "deviation", "")
    caption = "Columns by importance"
    if len(found) > len(rows):
        caption += f": the first {len(rows)} of {len(found)}"
    loss = {
        Task.REGRESSION: "mean squared error",
        Task.COUNT: "Poisson deviance",
    }.get(part.task, "log loss")
    text = (
        f"By how much the {loss} rises when the values of one column are permuted among "
        f"{len(part.sample):,} test rows: the mean and the standard deviation of {repeats} "
        "permutations. About 0 means that the network does without the column; of columns that "
        "say the same, each may look unimportant."
    )
    table = Table(caption, head, rows, numeric=head[1:3], is_wide=True)
    return Section("importance", "Importance of the columns", [Paragraph(text), table])


def _of_table(x: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Returns a function that takes each entry from the row that is given for it."""
    return lambda rows: np.stack([x[rows[:, i], ..., i] for i in range(x.shape[-1])], axis=-1)


def _encoded(
    encoder: keras.Model, raw: Mapping[str, np.ndarray]
) -> Callable[[np.ndarray], np.ndarray]:
    program = tf.function(lambda inputs: encoder(inputs, training=False))

    def x_of(rows: np.ndarray) -> np.ndarray:
        inputs = {name: values[rows[:, i]] for i, (name, values) in enumerate(raw.items())}
        return program(
            {
                name: tf.constant(v, tf.string if v.dtype.kind in "OUS" else None)
                for name, v in inputs.items()
            }
        ).numpy()

    return x_of
