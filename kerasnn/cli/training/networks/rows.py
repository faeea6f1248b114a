"""Rows that a network learns from, and their division into parts."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold

from kerasnn.tasks import Task


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rows:
    """Rows to learn from.

    Args:
        x: `(rows, features)`, or `(rows, windows, features)`.
        y: `(rows,)` class indices or numbers.
        task: The task.
        outputs: Number of output units.
        embeddings: Position of each column of indices in x -> number of indices.
        groups: Group of each row, or None.
        ordered: Whether the rows are in the order of time.
    """

    x: np.ndarray
    y: np.ndarray
    task: Task
    outputs: int
    embeddings: Mapping[int, int] = dataclasses.field(default_factory=dict)
    groups: np.ndarray | None = None
    ordered: bool = False

    def parts(self, count: int, seed: int) -> list[np.ndarray]:
        """Returns the rows in `count` parts: of all classes, of whole groups, or one after another.

        Where the smallest class or the groups are fewer than `count`, so are the parts.
        """
        if self.groups is not None:
            splitter: Any = GroupKFold(min(count, len(set(self.groups.tolist()))))
        elif self.ordered:
            splitter = KFold(count)
        elif self.task.is_classification:
            splitter = stratified(self.y, count, seed)
        else:
            splitter = KFold(count, shuffle=True, random_state=seed % 2**32)
        return [part for _, part in splitter.split(self.x, self.y, self.groups)]


def stratified(y: np.ndarray, count: int, seed: int) -> StratifiedKFold:
    """Returns a splitter into folds with all classes: fewer where a class has fewer rows."""
    smallest = int(np.bincount(y).min())
    return StratifiedKFold(max(2, min(count, smallest)), shuffle=True, random_state=seed % 2**32)
