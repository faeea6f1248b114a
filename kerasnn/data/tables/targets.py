"""Targets as class indices or real numbers."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kerasnn import _checks, tasks
from kerasnn.tasks import Task

Target = tuple[np.ndarray, Task, tuple[str, ...] | None]


def encode_target(
    values: np.ndarray, task: Task | str | None, *, name: str, argument: str = "target"
) -> Target:
    """Returns y, its task and its classes.

    Class indices follow the order of the values, which may be any numbers or names if the task is
    given; without one `kerasnn.tasks.infer` must be able to name it.

    Args:
        values: `(rows,)` numbers or names, or `(rows, outputs)` numbers.
        task: A task or its name, or None to infer it.
        name: Name of the values in errors.
        argument: Name of the argument that gives the target, for errors.

    Raises:
        InvalidArgument: If the values do not fit the task, if the task cannot be inferred, or if
            there is one class only.
    """
    task = target_task(values, task, name=name, argument=argument)
    if task in (Task.BINARY, Task.MULTICLASS):
        return _classes(values, task, name, argument)
    if values.dtype.kind not in "buif":
        raise _checks.InvalidArgument(
            "task", f"be 'binary' or 'multiclass' for the names in {name!r}", task
        )
    _checks.digits(name, values, float_dtype())
    y = values.astype(float_dtype())
    check_real(y, task, name=name)
    return y, task, None


def check_real(y: np.ndarray, task: Task, *, name: str) -> None:
    """Raises unless numbers that are no classes fit a task.

    Args:
        y: `(rows,)` or `(rows, outputs)` numbers.
        task: The task.
        name: Name of the values in errors.

    Raises:
        InvalidArgument: If they do not fit.
    """
    if task is Task.MULTILABEL and (y.ndim != 2 or not np.isin(y, (0, 1)).all()):
        raise _checks.InvalidArgument(
            "task", f"fit {name!r}, which does not hold a 0 or 1 for each of several labels", task
        )
    if task is Task.COUNT and ((y < 0).any() or (y != np.floor(y)).any()):
        raise _checks.InvalidArgument(
            "task", f"fit {name!r}, which holds other values than integers from 0", task
        )


def target_task(
    values: np.ndarray, task: Task | str | None, *, name: str, argument: str = "target"
) -> Task:
    """Returns the task that is given or that the values show."""
    if task is None:
        try:
            task = tasks.infer(values)
        except _checks.InvalidArgument as error:
            found = str(error).removesuffix(error.hint).partition("; got ")[2].rstrip(" .")
            hint = error.hint
            if error.rule == "fit one task" and values.ndim == 1:
                hint = (
                    "Give task='regression', task='count', or task='multiclass', which numbers the "
                    "classes itself."
                )
            raise _checks.InvalidArgument(
                argument, error.rule, error.value, hint, got=f"{found}, in {name!r}"
            ) from None
    return Task(task)


def float_dtype() -> str:
    """Returns the dtype of real numbers: float64 if it is Keras's `floatx`, else float32."""
    return "float64" if keras.config.floatx() == "float64" else "float32"


def _classes(values: np.ndarray, task: Task, name: str, argument: str) -> Target:
    if values.ndim != 1:
        raise _checks.InvalidArgument(
            "task", f"fit {name!r}, whose values have shape {values.shape[1:]} and not ()", task
        )
    found, y = np.unique(values, return_inverse=True)
    if len(found) < 2:
        only = class_names(found)[0]
        raise _checks.InvalidArgument(
            argument,
            "hold two classes at least",
            only,
            got=f"{name!r}, which is {only!r} in all rows",
        )
    if task is Task.BINARY and len(found) != 2:
        raise _checks.InvalidArgument(
            "task",
            f"be 'multiclass' for the {len(found)} classes in {name!r}",
            task,
            "" if found.dtype.kind in "OUS" else "If they are a quantity, give task='regression'.",
        )
    return y.astype(np.int64), task, class_names(found)


def class_names(values: Sequence | np.ndarray) -> tuple[str, ...]:
    """Returns a different name for each value; integers are written without a fraction.

    >>> class_names([0.0, 1.5, "cat", 1234567890123456789])
    ('0', '1.5', 'cat', '1234567890123456789')
    """
    return tuple(map(_name, values))


def _name(value: Any) -> str:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (bool, int, np.bool_, np.integer)):
        return str(int(value))
    short = f"{float(value):.15g}"
    if float(short) == float(value) and "e" not in short:
        return short
    # The shortest digits that no other number has.
    return repr(float(value)).removesuffix(".0")
