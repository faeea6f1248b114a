"""What several figures read in one way: classes, their names, and probabilities."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from kerasnn import _checks


def classes(name: str, array: np.ndarray) -> np.ndarray:
    """Returns one class a row of an array, as whole numbers or as names."""
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(
            f"`{name}` must hold one class a row; got shape {array.shape}. Of one-hot rows give "
            f"`{name}.argmax(axis=1)`."
        )
    if array.dtype.kind in "OU" and all(isinstance(value, str) for value in array.tolist()):
        return array.astype(object)
    _checks.numbers_only(name, array)
    _checks.finite_range(name, array)
    numbers = array.astype(np.int64)
    if (numbers != array).any():
        row = int(np.argmax(numbers != array))
        raise ValueError(
            f"`{name}` must hold class numbers, which are whole; got {array[row]:g} in row {row}."
        )
    return numbers


def class_numbers(name: str, array: Any, count: int | None = None) -> np.ndarray:
    """Returns one class number a row, which must be below `count` where that is known."""
    numbers = classes(name, np.asarray(array))
    top = "" if count is None else f" to {count - 1}"
    for row, value in enumerate(numbers.tolist()):
        if isinstance(value, str) or value < 0 or (count is not None and value >= count):
            raise ValueError(
                f"`{name}` must hold class numbers from 0{top}; got {value!r} in row {row}."
            )
    return numbers


def probabilities(name: str, array: Any) -> np.ndarray:
    """Returns probabilities as `(batch, classes)`, or `(batch,)` where they are of class 1."""
    chance = np.asarray(array)
    _checks.numbers_only(name, chance)
    low, high = _checks.finite_range(name, chance)
    # A softmax in low precision may exceed 1 by rounding.
    if chance.ndim not in (1, 2) or low < 0 or high > 1 + 1e-2:
        raise ValueError(
            f"`{name}` must hold probabilities between 0 and 1, one row each, as `predict` "
            f"returns; got shape {chance.shape} with numbers from {low:g} to {high:g}."
        )
    chance = chance.astype(float).clip(0, 1)
    return chance[:, 0] if chance.ndim == 2 and chance.shape[1] == 1 else chance


def names_of_classes(
    labels: Any, count: int | None, why: str = "that `y_pred` holds probabilities of"
) -> list[str]:
    """Returns the names of classes as a list; there must be `count` where that is known."""
    names = [] if isinstance(labels, str) or not isinstance(labels, Iterable) else list(labels)
    if not names or not all(isinstance(n, str) for n in names) or len(set(names)) < len(names):
        raise _checks.InvalidArgument(
            "labels",
            "be a sequence of different names, one for each class",
            labels,
            "Of numbers, make names with `[str(c) for c in classes]`.",
        )
    if count is not None and len(names) != count:
        raise ValueError(
            f"`labels` must name the {count} classes {why}; got "
            f"{len(names)} labels: {', '.join(names)}."
        )
    return names
