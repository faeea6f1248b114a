"""Checks of the arguments and the inputs of layers."""

from collections.abc import Callable
from typing import Any

import keras

from kerasnn import _checks
from kerasnn._checks import true_or_false as true_or_false

_SEEDS = 2**32


def seed_or_none(seed: Any) -> int | None:
    """Returns a seed as Python's int; raises unless it is None or an integer of 32 bits."""
    if seed is None:
        return None
    _checks.whole_number("seed", seed, at_least=0)
    if seed >= _SEEDS:
        # The bits above would be lost, and two seeds be the same.
        raise _checks.InvalidArgument("seed", f"be below 2^32 = {_SEEDS}", seed)
    return int(seed)


def from_keras(argument: str, get: Callable[[Any], Any], given: Any) -> Any:
    """Returns what Keras's `get` makes of a name, a config or an object."""
    try:
        return get(given)
    except (TypeError, ValueError) as error:
        module = get.__module__.rpartition(".")[2]
        rule = f"be a name or an object that `keras.{module}.get` knows"
        raise _checks.InvalidArgument(argument, rule, given) from error


def width(layer: keras.layers.Layer, shape: Any) -> int:
    """Returns the size of the last axis, and holds the layer's later inputs to it."""
    if shape[-1] is None:
        raise _checks.InvalidArgument(
            "inputs",
            f"have a last axis of fixed size for `{layer.name}`",
            tuple(shape),
            got=f"shape {tuple(shape)}",
        )
    layer.input_spec = keras.layers.InputSpec(min_ndim=2, axes={-1: shape[-1]})
    return shape[-1]


def real_numbers(layer: keras.layers.Layer, inputs: Any, dtype: str | None = None) -> Any:
    """Returns inputs in the dtype that the layer computes in; raises on text and complex numbers.

    Integers are cast too: otherwise a scale of 1 / 0.7 would be truncated to 1.
    """
    given = keras.backend.standardize_dtype(inputs.dtype)
    if given == "string" or given.startswith("complex"):
        rule = f"hold real numbers for `{layer.name}`"
        raise _checks.InvalidArgument("inputs", rule, given, got=f"dtype {given}")
    return keras.ops.cast(inputs, dtype or layer.compute_dtype)
