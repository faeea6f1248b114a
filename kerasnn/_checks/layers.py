"""Checks of the arguments and the inputs of layers."""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from kerasnn import _checks

_SEEDS = 2**32


def seed_or_none(seed: Any) -> int | None:
    """Returns a seed as Python's int; raises unless it is None or an integer of 32 bits."""
    if seed is None:
        return None
    _checks.integer("seed", seed, at_least=0)
    if seed >= _SEEDS:
        # Higher bits would be dropped, and two different seeds would be the same.
        raise _checks.InvalidArgument("seed", f"be below 2^32 = {_SEEDS}", seed)
    return int(seed)


def from_keras(argument: str, get: Callable[[Any], Any], given: Any) -> Any:
    """Returns what Keras's `get` makes of a name, a configuration or an object."""
    try:
        return get(given)
    except (TypeError, ValueError) as error:
        module = get.__module__.rpartition(".")[2]
        rule = f"be a name or an object that `keras.{module}.get` knows"
        raise _checks.InvalidArgument(argument, rule, given) from error


def feature_count(layer: keras.layers.Layer, shape: Any) -> int:
    """Returns the size of the last axis, and requires the same of the layer's later inputs."""
    if shape[-1] is None:
        rule = f"have a last axis of fixed size for `{layer.name}`"
        given = tuple(shape)
        raise _checks.InvalidArgument("inputs", rule, given, got=f"shape {given}")
    layer.input_spec = keras.layers.InputSpec(min_ndim=2, axes={-1: shape[-1]})
    return shape[-1]


def check_positions(argument: str, positions: Any) -> None:
    """Raises unless a sequence holds positions in an axis, counted from 0."""
    if isinstance(positions, str) or not isinstance(positions, Sequence):
        raise _checks.InvalidArgument(argument, "be a sequence of positions", positions)
    for position in positions:
        _checks.integer(argument, position, at_least=0)


def check_inside(argument: str, positions: Sequence[int], features: int) -> None:
    """Raises unless all positions lie below the number of features."""
    outside = [position for position in positions if position >= features]
    if outside:
        rule = f"name positions below the {features} features"
        raise _checks.InvalidArgument(argument, rule, outside[0])


def real_numbers(layer: keras.layers.Layer, inputs: Any, dtype: str | None = None) -> Any:
    """Returns inputs in the layer's compute dtype; raises on text and complex numbers.

    Integers are cast too: a scale of 1 / 0.7 would otherwise be truncated to 1.
    """
    given = keras.backend.standardize_dtype(inputs.dtype)
    if given == "string" or given.startswith("complex"):
        rule = f"hold real numbers for `{layer.name}`"
        raise _checks.InvalidArgument("inputs", rule, given, got=f"dtype {given}")
    return keras.ops.cast(inputs, dtype or layer.compute_dtype)
