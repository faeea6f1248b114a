"""Classes, class names, probabilities and numbers, checked for all figures."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from kerasnn import _checks


def classes(name: str, array: np.ndarray) -> np.ndarray:
    """Returns one class per row of an array, as integers or names."""
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        hint = f"For one-hot rows use `{name}.argmax(axis=1)`."
        if name == "y_true" and array.dtype.kind == "f" and (array != np.floor(array)).any():
            hint = "The targets come first, then the predictions."
        raise _checks.InvalidArgument(
            name, "hold one class per row", array, hint, got=f"shape {array.shape}"
        )
    if array.dtype.kind in "OU" and all(isinstance(value, str) for value in array.tolist()):
        return array.astype(object)
    _checks.numbers_only(name, array)
    _checks.finite_range(name, array)
    numbers = array.astype(np.int64)
    if (numbers != array).any():
        row = int(np.argmax(numbers != array))
        raise _checks.InvalidArgument(
            name,
            "hold class numbers, which are integers",
            array[row],
            got=f"{array[row]:g} in row {row}",
        )
    return numbers


def class_numbers(name: str, array: Any, count: int | None = None) -> np.ndarray:
    """Returns one class number per row, which must be below `count` if that is known."""
    numbers = classes(name, np.asarray(array))
    top = "" if count is None else f" to {count - 1}"
    for row, value in enumerate(numbers.tolist()):
        if isinstance(value, str) or value < 0 or (count is not None and value >= count):
            rule = f"hold class numbers from 0{top}"
            raise _checks.InvalidArgument(name, rule, value, got=f"{value!r} in row {row}")
    return numbers


def probabilities(name: str, array: Any) -> np.ndarray:
    """Returns probabilities as `(batch, classes)`, or `(batch,)` for those of class 1."""
    given = np.asarray(array)
    _checks.numbers_only(name, given)
    low, high = _checks.finite_range(name, given)
    # A softmax in low precision may exceed 1 by rounding.
    if given.ndim not in (1, 2) or low < 0 or high > 1 + 1e-2:
        raise _checks.InvalidArgument(
            name,
            "hold probabilities between 0 and 1, in rows as `predict` returns them",
            given,
            got=f"shape {given.shape} with numbers from {low:g} to {high:g}",
        )
    rows = given.astype(float).clip(0, 1)
    return rows[:, 0] if rows.ndim == 2 and rows.shape[1] == 1 else rows


def true_and_probabilities(y_true: Any, y_pred: Any) -> tuple[np.ndarray, np.ndarray]:
    """Returns the true values as an array, and probabilities of as many rows (`probabilities`)."""
    for name, data in (("y_true", y_true), ("y_pred", y_pred)):
        _checks.refuse_masked(name, data)
    true, predicted = np.asarray(y_true), np.asarray(y_pred)
    _checks.row_count([("y_true", true), ("y_pred", predicted)])
    if {true.dtype.kind, predicted.dtype.kind} <= {*"iu"} and predicted.ndim == 1 < true.max():
        raise _checks.InvalidArgument(
            "y_pred",
            "hold a probability of each class, in rows as `predict` returns them",
            predicted,
            got=f"class numbers, of {true.max() + 1} classes",
        )
    return true, probabilities("y_pred", predicted)


def names_of_classes(
    labels: Any, count: int | None, which: str = "in the columns of `y_pred`"
) -> list[str]:
    """Returns the names of classes as a list; there must be `count` if that is known."""
    names = [] if isinstance(labels, str) or not isinstance(labels, Iterable) else list(labels)
    if not names or not all(isinstance(n, str) for n in names) or len(set(names)) < len(names):
        raise _checks.InvalidArgument(
            "labels",
            "be a sequence of unique names, one for each class",
            labels,
            "To turn numbers into names, use `[str(c) for c in classes]`.",
        )
    if count is not None and len(names) != count:
        raise _checks.InvalidArgument(
            "labels",
            f"name the {count} classes {which}",
            names,
            got=f"{len(names)} labels: {', '.join(names)}",
        )
    return names


def pairs_of_numbers(y_true: Any, y_pred: Any) -> tuple[np.ndarray, np.ndarray]:
    """Returns true and predicted numbers, one of each for a row."""
    columns = tuple(number_columns(n, a) for n, a in (("y_true", y_true), ("y_pred", y_pred)))
    _checks.row_count([("y_true", columns[0]), ("y_pred", columns[1])])
    for name, array in zip(("y_true", "y_pred"), columns, strict=True):
        if array.shape[1] != 1:
            hint = f"Draw one of the outputs: `{name}[:, 0]`."
            rule = "hold one number per row"
            raise _checks.InvalidArgument(name, rule, array, hint, got=f"shape {array.shape}")
    return columns[0][:, 0], columns[1][:, 0]


def number_columns(name: str, array: Any) -> np.ndarray:
    """Returns finite numbers as float64, `(rows, columns)`."""
    _checks.refuse_masked(name, array)
    given = np.asarray(array)
    if given.ndim not in (1, 2):
        rule = "hold numbers, as (rows,) or (rows, outputs)"
        raise _checks.InvalidArgument(name, rule, given, got=f"shape {given.shape}")
    _checks.numbers_only(name, given)
    _checks.row_count([(name, given)])
    _checks.finite_range(name, given)
    return given.reshape(len(given), -1).astype(np.float64)
