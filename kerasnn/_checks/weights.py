"""Checks of class weights and sample weights."""

import math
from typing import Any

import numpy as np

from kerasnn._checks.arrays import finite_range, numbers_only, position
from kerasnn._checks.errors import InvalidArgument


def sample_weights(name: str, array: np.ndarray, target: np.ndarray | None) -> None:
    """Raises unless weights are finite, not negative, and one for each target."""
    numbers_only(name, array)
    low, _ = finite_range(name, array)
    if low < 0:
        index = tuple(np.argwhere(array < 0)[0])
        raise InvalidArgument(
            name,
            "be at least 0",
            array[index],
            "A negative weight would train away from the target; to leave a row out, use 0.",
            got=f"{array[index]:g} in {position(index)}",
        )
    if target is None:
        return
    squeezed = array.shape[:-1] if array.ndim > 1 and array.shape[-1] == 1 else array.shape
    if squeezed != target.shape[: len(squeezed)]:
        raise InvalidArgument(
            name,
            "hold one weight for each target",
            array.shape,
            got=f"shape {array.shape} for targets of shape {target.shape}",
        )


def one_weight_a_row(name: str, array: np.ndarray) -> None:
    """Raises if weights for several targets are not one a row."""
    if array.size != len(array):
        raise InvalidArgument(
            name,
            "hold one weight a row, or be a structure with weights for each target, where there "
            "are several targets",
            array.shape,
            got=f"shape {array.shape}",
        )


def class_weights(weights: Any, classes: int | None, present: set[int]) -> None:
    """Raises unless a dictionary gives every class a weight, and nothing else.

    Args:
        weights: The weights that the user gave.
        classes: Number of classes, where it is known.
        present: Classes that occur in the targets.
    """
    if not isinstance(weights, dict):
        raise InvalidArgument(
            "class_weight", "be a dictionary from class number to weight", weights
        )
    for key, weight in weights.items():
        if isinstance(key, bool) or not isinstance(key, (int, np.integer)):
            raise InvalidArgument(
                "class_weight",
                "have class numbers as keys",
                weights,
                f"{key!r} is none.",
            )
        if key < 0 or (classes is not None and key >= classes):
            keys = "of at least 0" if classes is None else f"from 0 to {classes - 1}"
            raise InvalidArgument("class_weight", f"have keys {keys}", weights, f"{key} is none.")
        is_weight = isinstance(weight, (int, float, np.number)) and math.isfinite(weight)
        if not is_weight or weight < 0:
            raise InvalidArgument(
                "class_weight",
                "hold finite weights of at least 0",
                weights,
                f"Class {key} has {weight!r}.",
            )
    missing = sorted(present - set(weights))
    if missing:
        raise InvalidArgument(
            "class_weight",
            "give every class a weight",
            weights,
            f"It lacks {', '.join(map(str, missing))}; for the usual weight use 1.",
        )
