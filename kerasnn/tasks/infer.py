"""Inference of the task from a target array."""

from typing import Any

import numpy as np

from kerasnn import _checks
from kerasnn.tasks.task import Task

_MOST_CLASSES = 100


def infer(y: Any) -> Task:
    """Returns the task of a target array, or raises if more than one fits.

    Integers from 0 without a gap are class indices: two of them are `binary`, more `multiclass`.
    Rows of zeros and ones are `multilabel`, unless each row holds exactly one 1: one-hot rows are
    refused, since the loss of `multiclass` takes class indices. Numbers with a fraction are
    `regression`. Other integers could be `count` or `regression`, so that their task has to be
    given.

    Args:
        y: Target array, `(batch,)` or `(batch, outputs)`: numbers, booleans or strings.

    Raises:
        InvalidArgument: If the array is empty, not finite, or fits no task or more than one.

    Example:
        >>> str(infer([0, 1, 1, 0]))
        'binary'
        >>> str(infer([0.5, 2.25]))
        'regression'
    """
    target = np.asarray(_checks.plain("y", y))
    if target.size == 0:
        raise _checks.InvalidArgument("y", "hold at least one target", y, got="an empty array")
    if target.ndim == 2 and target.shape[1] == 1:
        target = target[:, 0]
    if target.dtype.kind in "OUS":
        return _of_names(target)
    if target.dtype.kind not in "buif":
        raise _checks.InvalidArgument(
            "y", "hold numbers or names", target.dtype, got=f"dtype {target.dtype}"
        )
    if not np.isfinite(target).all():
        row = int(np.argwhere(~np.isfinite(target))[0][0])
        raise _checks.InvalidArgument(
            "y", "be finite", target[row], "Drop that row.", got=f"{target[row]} in row {row}"
        )
    if target.ndim not in (1, 2):
        raise _checks.InvalidArgument(
            "y",
            "be (batch,) or (batch, outputs)",
            target.shape,
            "Give the task.",
            got=f"shape {target.shape}",
        )
    if target.dtype.kind == "f" and (target != np.floor(target)).any():
        return Task.REGRESSION
    return _of_numbers(target) if target.ndim == 1 else _of_rows(target)


def _of_names(target: np.ndarray) -> Task:
    if target.ndim == 1 and (others := [v for v in target.tolist() if not isinstance(v, str)]):
        raise _checks.InvalidArgument(
            "y",
            "hold numbers, or names alone",
            others[0],
            "Drop the rows that lack a name." if others[0] is None else "",
            got=f"{others[0]!r}",
        )
    if target.ndim != 1:
        raise _checks.InvalidArgument(
            "y", "hold numbers, or one name a row", target.shape, got=f"shape {target.shape}"
        )
    names = len(set(target.tolist()))
    if names < 2:
        raise _one_class(str(target[0]))
    return Task.BINARY if names == 2 else Task.MULTICLASS


def _of_numbers(target: np.ndarray) -> Task:
    values = [int(value) for value in np.unique(target).tolist()]
    if len(values) == 1:
        raise _one_class(values[0])
    if values == list(range(len(values))) and len(values) <= _MOST_CLASSES:
        return Task.BINARY if len(values) == 2 else Task.MULTICLASS
    raise _ambiguous(
        values,
        "Give task='regression' or task='count'; for task='multiclass' number the classes from 0 "
        "without a gap.",
    )


def _of_rows(target: np.ndarray) -> Task:
    if not np.isin(target, (0, 1)).all():
        values = [int(value) for value in np.unique(target).tolist()]
        raise _ambiguous(values, "Give task='regression' or task='count'.")
    if (target.sum(axis=1) == 1).all():
        raise _checks.InvalidArgument(
            "y",
            "fit one task",
            target[0],
            "They fit task='multiclass' and task='multilabel'. For exclusive classes give the "
            "indices, `y.argmax(axis=1)`; or give the task.",
            got="one-hot rows",
        )
    return Task.MULTILABEL


def _one_class(value: Any) -> _checks.InvalidArgument:
    return _checks.InvalidArgument(
        "y", "hold at least two different values", value, got=f"{value!r} in all rows"
    )


def _ambiguous(values: list[int], hint: str) -> _checks.InvalidArgument:
    listed = ", ".join(map(str, values[:6]))
    if len(values) > 6:
        listed += f" and {len(values) - 6} more"
    return _checks.InvalidArgument("y", "fit one task", values, hint, got=f"the integers {listed}")
