"""Targets, predictions and losses of rows by task, as NumPy arrays."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kerasnn import _checks
from kerasnn.tasks.task import Task

_TINY = 1e-7


def losses_of(task: Task, y: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Returns the loss of each row, of a table of outputs the mean over them.

    It is the cross-entropy for classes, the squared error for regression, and the deviance of the
    Poisson distribution for counts.
    """
    if task is Task.MULTICLASS:
        of_true = predictions[np.arange(len(y)), y]
        return -np.log(np.maximum(of_true, _TINY))
    if task.is_classification:
        of_true = np.where(y == 1, predictions, 1 - predictions)
        losses = -np.log(np.maximum(of_true, _TINY))
    elif task is Task.COUNT:
        mean = np.maximum(predictions, _TINY)
        losses = 2 * (y * np.log(np.maximum(y, _TINY) / mean) - y + mean)
    else:
        losses = (predictions - y) ** 2
    return losses.reshape(len(y), -1).mean(axis=1)


def targets_of(task: Task, y: np.ndarray) -> np.ndarray:
    """Returns targets in one shape for each task.

    They are `(rows,)` integers for `binary` and `multiclass`, else `(rows, outputs)`, integers for
    `multilabel`.
    """
    if task in (Task.BINARY, Task.MULTICLASS):
        return np.asarray(y).reshape(-1).astype(int)
    rows = np.asarray(y, dtype=np.float64).reshape(len(y), -1)
    return rows.astype(int) if task is Task.MULTILABEL else rows


def targets_and_predictions(
    task: Task, y: Any, outputs: Any, classes: Sequence[str] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Returns targets, and predictions as float64, in one shape for each task.

    Targets are as `targets_of` returns them; predictions are `(rows,)` for `binary`, and else
    `(rows, outputs)`.

    Args:
        task: The task.
        y: Targets.
        outputs: What a model has predicted for them.
        classes: Names of the classes, if known.

    Raises:
        InvalidArgument: If the predictions do not suit the task or the targets.
    """
    target = targets_of(task, y)
    if keras.tree.is_nested(outputs):
        raise _checks.InvalidArgument(
            "model", "have one output", outputs, got=f"{len(outputs)} outputs"
        )
    found = np.asarray(outputs, dtype=np.float64)
    columns = target.shape[1] if target.ndim == 2 else 1
    if task is Task.MULTICLASS:
        columns = len(classes) if classes else found.shape[-1]
    if found.shape != (len(target), columns) and found.shape != (len(target),) * (columns == 1):
        raise _checks.InvalidArgument(
            "model",
            f"predict {columns} numbers a row for these targets"
            if columns > 1
            else "predict one number a row for these targets",
            found.shape,
            "Give the split that the model was built for.",
            got=f"predictions of shape {found.shape}",
        )
    found = found.reshape(len(target), columns)
    if not np.isfinite(found).all():
        row = int(np.argwhere(~np.isfinite(found))[0][0])
        raise _checks.InvalidArgument(
            "model", "give finite predictions", found[row], got=f"{found[row]} in row {row}"
        )
    if task.is_classification:
        low, high = float(found.min()), float(found.max())
        total = found.sum(axis=1) if task is Task.MULTICLASS else np.ones(1)
        if low < 0 or high > 1 + 1e-2 or abs(total - 1).max() > 1e-2:
            raise _checks.InvalidArgument(
                "model",
                "predict probabilities",
                (low, high),
                f"End it in the activation of the task, {task.activation}.",
                got=f"outputs from {low:g} to {high:g}",
            )
        # In low precision the sum differs from 1.
        found = found / total[:, None] if task is Task.MULTICLASS else found.clip(0, 1)
    return target, found[:, 0] if task is Task.BINARY else found
