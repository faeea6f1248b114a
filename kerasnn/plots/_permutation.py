"""Permutation importance of the columns of a table, by scikit-learn."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn.tasks import Task
from kerasnn.tasks._row_losses import losses_of


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


@dataclasses.dataclass(frozen=True)
class Permuted:
    """Rows of which each column can be taken from other rows, whatever it holds.

    Attributes:
        names: Names of the columns.
        x_of: Returns x for `(rows, columns)` numbers of the row that each entry is taken from.
    """

    names: tuple[str, ...]
    x_of: Callable[[np.ndarray], np.ndarray]

    @classmethod
    def of_table(cls, x: np.ndarray, features: Sequence[str] | None) -> "Permuted":
        """Returns the rows of a table or of windows, `(rows, ..., columns)`."""
        count = x.shape[-1]
        names = tuple(features or [f"column {i}" for i in range(count)])
        return cls(
            names, lambda rows: np.stack([x[rows[:, i], ..., i] for i in range(count)], axis=-1)
        )

    @classmethod
    def of_raw_rows(cls, encoder: keras.Model, raw: Mapping[str, np.ndarray]) -> "Permuted":
        """Returns raw rows, which an encoder turns into x."""
        program = tf.function(lambda inputs: encoder(inputs, training=False))

        def x_of(rows: np.ndarray) -> np.ndarray:
            inputs = {name: values[rows[:, i]] for i, (name, values) in enumerate(raw.items())}
            return program(
                {
                    name: tf.constant(v, tf.string if v.dtype.kind in "OUS" else None)
                    for name, v in inputs.items()
                }
            ).numpy()

        return cls(tuple(raw), x_of)


def importances_of(
    rows: Permuted,
    outputs: Callable[[np.ndarray], np.ndarray],
    task: Task,
    y: np.ndarray,
    repeats: int,
) -> list[Importance]:
    """Returns the importance of each column, the largest first.

    Args:
        rows: The rows.
        outputs: Predictions for x, in the shape of `targets_and_predictions`.
        task: Chooses the loss.
        y: Targets of the rows.
        repeats: Number of permutations of each column.
    """
    # scikit-learn takes long to import.
    from sklearn.inspection import permutation_importance

    def negative_loss(_: Any, numbers: np.ndarray, y: np.ndarray) -> float:
        return -float(losses_of(task, y, outputs(rows.x_of(numbers))).mean())

    numbers = np.tile(np.arange(len(y))[:, None], (1, len(rows.names)))
    found: Any = permutation_importance(
        _AnyModel(), numbers, y, scoring=negative_loss, n_repeats=repeats, random_state=0
    )
    pairs = zip(rows.names, found.importances_mean, found.importances_std, strict=True)
    each = [Importance(name=n, mean=float(m), deviation=float(d)) for n, m, d in pairs]
    return sorted(each, key=lambda importance: -importance.mean)


def loss_name(task: Task) -> str:
    """Returns the loss by which importance is measured, in words."""
    names = {Task.REGRESSION: "mean squared error", Task.COUNT: "Poisson deviance"}
    return names.get(task, "log loss")


class _AnyModel:
    """Stands where scikit-learn wants an estimator; the score calls the network itself."""

    def fit(self, x: Any, y: Any = None) -> "_AnyModel":
        """Has nothing to learn."""
        return self
