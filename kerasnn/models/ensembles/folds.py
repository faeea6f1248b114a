"""Rows on which the networks of a pack train, and those on which they are compared."""

import dataclasses
from typing import Any

import numpy as np

from kerasnn import _checks


@dataclasses.dataclass(frozen=True)
class Folds:
    """Folds of the training rows.

    Attributes:
        of_rows: Number of the fold of each row, from 0; -1 for rows that all networks train on.
        count: Number of folds.
    """

    of_rows: np.ndarray
    count: int

    def left_out(self, fold: int) -> np.ndarray:
        """Returns the rows of a fold."""
        return np.flatnonzero(self.of_rows == fold)

    def others(self, fold: int, generator: np.random.Generator) -> np.ndarray:
        """Returns the rows outside of a fold.

        Where folds differ by one row, one row is there twice, so that all networks train on as many
        rows, and so in the same steps.
        """
        rows = np.flatnonzero(self.of_rows != fold)
        most = max(int((self.of_rows != i).sum()) for i in range(self.count))
        return np.append(rows, generator.choice(rows, 1)) if most == len(rows) + 1 else rows

    @property
    def compared(self) -> np.ndarray:
        """The rows that are in a fold."""
        return np.flatnonzero(self.of_rows >= 0)


def balanced(y: np.ndarray, count: int, generator: np.random.Generator) -> Folds:
    """Returns folds of equal size with equal parts of each class, or of low and high targets.

    The only row of a class is in no fold.

    Args:
        y: Targets, `(rows,)` or `(rows, outputs)`, of which the first output counts.
        count: Number of folds.
        generator: Source of the random order.
    """
    values = y.reshape(len(y), -1)[:, 0]
    order = generator.permutation(len(y))
    order = order[np.argsort(values[order], kind="stable")]
    of_rows = np.empty(len(y), int)
    of_rows[order] = np.arange(len(y)) % count
    if y.dtype.kind in "biu":
        _, place, sizes = np.unique(values, return_inverse=True, return_counts=True)
        of_rows[sizes[place] == 1] = -1
    return Folds(of_rows, count)


def given(folds: Any, rows: int, count: int) -> Folds:
    """Returns the user's folds, after a check."""
    array = np.asarray(folds)
    if array.shape != (rows,) or array.dtype.kind not in "iu":
        raise _checks.InvalidArgument(
            "folds", f"hold the number of its fold for each of the {rows} rows", folds
        )
    found = np.unique(array)
    if not np.array_equal(found, np.arange(count)):
        raise _checks.InvalidArgument(
            "folds",
            f"hold the numbers 0 to {count - 1}, each at least once",
            folds,
            "Build the pack with another number of `folds`.",
            got=f"the numbers {', '.join(map(str, found[:10]))}",
        )
    return Folds(array.astype(int), count)
