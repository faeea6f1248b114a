"""The task that a target array asks for."""

from typing import Any

import numpy as np

from kerasnn import _checks
from kerasnn.tasks.task import Task

_MOST_CLASSES = 100


def infer(y: Any) -> Task:
    """Names the task of a target array, or raises and says why it cannot.

    Whole numbers are classes where they run from 0 without a gap: two of them are `binary`,
    more `multiclass`. Rows of zeros and ones are `multiclass` where each row holds exactly
    one 1 (one-hot; the loss wants class numbers, so that is refused with the hint) and
    `multilabel` otherwise. Numbers with a fraction are `regression`. Whole numbers that are
    not classes could be `count` or `regression`, so they have to be named.

    Args:
        y: Target array, `(batch,)` or `(batch, outputs)`: numbers, booleans or strings.

    Raises:
        ValueError: If the array is empty, not finite, or fits more than one task.

    Example:
        >>> str(infer([0, 1, 1, 0]))
        'binary'
        >>> str(infer([0.5, 2.25]))
        'regression'
    """
    target = np.asarray(_checks.plain("y", y))
    if target.size == 0:
        raise ValueError("`y` must hold at least one target; got an empty array.")
    if target.ndim == 2 and target.shape[1] == 1:
        target = target[:, 0]
    if target.dtype.kind in "OUS":
        return _of_names(target)
    if target.dtype.kind not in "buif":
        raise ValueError(f"`y` must hold numbers or names; got dtype {target.dtype}.")
    if not np.isfinite(target).all():
        row = int(np.argwhere(~np.isfinite(target))[0][0])
        raise ValueError(f"`y` must be finite; got {target[row]} in row {row}. Drop that row.")
    if target.ndim not in (1, 2):
        raise ValueError(
            f"`y` must be (batch,) or (batch, outputs); got shape {target.shape}. Name the task."
        )
    if target.dtype.kind == "f" and (target != np.floor(target)).any():
        return Task.REGRESSION
    return _of_numbers(target) if target.ndim == 1 else _of_rows(target)


def _of_names(target: np.ndarray) -> Task:
    if target.ndim != 1 or not all(isinstance(name, str) for name in target.tolist()):
        raise ValueError(
            f"`y` holds objects of shape {target.shape}, which fit no task. "
            "Give numbers, or one name a row."
        )
    names = len(set(target.tolist()))
    if names < 2:
        raise ValueError(
            f"`y` holds one class only, {str(target[0])!r}: there is nothing to learn."
        )
    return Task.BINARY if names == 2 else Task.MULTICLASS


def _of_numbers(target: np.ndarray) -> Task:
    values = [int(value) for value in np.unique(target).tolist()]
    if len(values) == 1:
        raise ValueError(f"`y` holds one value only, {values[0]}: there is nothing to learn.")
    if values == list(range(len(values))) and len(values) <= _MOST_CLASSES:
        return Task.BINARY if len(values) == 2 else Task.MULTICLASS
    raise ValueError(
        f"{_whole_numbers(values)} Name it: task='regression' or task='count', or number the "
        "classes from 0 without a gap for task='multiclass'."
    )


def _of_rows(target: np.ndarray) -> Task:
    if not np.isin(target, (0, 1)).all():
        values = [int(value) for value in np.unique(target).tolist()]
        raise ValueError(f"{_whole_numbers(values)} Name it: task='regression' or task='count'.")
    if (target.sum(axis=1) == 1).all():
        raise ValueError(
            "`y` is one-hot: each row holds exactly one 1, which fits task='multiclass' and "
            "task='multilabel'. For exclusive classes give the numbers, `y.argmax(axis=1)`, "
            "or name the task."
        )
    return Task.MULTILABEL


def _whole_numbers(values: list[int]) -> str:
    listed = ", ".join(map(str, values[:6])) + (", ..." if len(values) > 6 else "")
    return f"`y` holds the whole numbers {listed}, which fit more than one task."
