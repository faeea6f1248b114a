"""Checked inputs and outputs of functions that are differentiated."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from kerasnn import _checks


def of_inputs(name: str, nest: Any) -> Any:
    """Returns a structure of arrays as a structure of new tensors."""
    for leaf_name, leaf in _checks.named_leaves(name, nest):
        _check_dtype(leaf_name, _tensor(leaf_name, leaf), "Cast it to float32 or float64.")
    # The same array given twice becomes two variables.
    return keras.tree.map_structure(lambda leaf: tf.identity(_tensor(name, leaf)), nest)


def of_outputs(f: Callable[..., Any], xs: Sequence[Any]) -> Any:
    """Returns f(*xs) as a structure of tensors, which must be differentiable."""
    if not callable(f):
        raise _checks.InvalidArgument("f", "be a function or a Keras model", f)
    y = f(*xs)
    leaves = _checks.named_leaves("f(...)", y)
    if not leaves:
        raise _checks.InvalidArgument("f(...)", "hold at least one array", y)
    for leaf_name, leaf in leaves:
        _check_dtype(
            leaf_name,
            _tensor(leaf_name, leaf),
            "Class numbers and comparisons have no derivative: return the numbers behind them.",
        )
    return keras.tree.map_structure(lambda leaf: _tensor("f(...)", leaf), y)


def like(name: str, nest: Any, owner: str, wanted: Any) -> Any:
    """Returns arrays as tensors with the structure, shapes and dtypes of `wanted`."""
    if isinstance(wanted, dict):
        if not isinstance(nest, dict) or set(nest) != set(wanted):
            rule = f"be a dict with the keys of `{owner}`, {sorted(wanted)}"
            raise _checks.InvalidArgument(name, rule, nest)
        return {k: like(f"{name}[{k!r}]", nest[k], f"{owner}[{k!r}]", wanted[k]) for k in wanted}
    if isinstance(wanted, (list, tuple)):
        if not isinstance(nest, (list, tuple)) or len(nest) != len(wanted):
            rule = f"hold {len(wanted)} arrays, as `{owner}` does"
            raise _checks.InvalidArgument(name, rule, nest)
        return [
            like(f"{name}[{i}]", part, f"{owner}[{i}]", tensor)
            for i, (part, tensor) in enumerate(zip(nest, wanted, strict=True))
        ]
    # Arrays of NumPy are often float64 by default, and are cast to the dtype of the tensor.
    tensor = _tensor(name, nest)
    if not (tensor.dtype.is_floating or tensor.dtype.is_integer):
        _check_dtype(name, tensor, f"It multiplies `{owner}`.")
    tensor = tf.cast(tensor, wanted.dtype)
    if tensor.shape != wanted.shape:
        rule = f"have the shape of `{owner}`, {tuple(wanted.shape)}"
        raise _checks.InvalidArgument(name, rule, nest, got=f"shape {tuple(tensor.shape)}")
    return tensor


def unconnected(f: Any) -> _checks.InvalidArgument:
    """Returns the error for a function whose output has no gradient to any input."""
    return _checks.InvalidArgument(
        "f",
        "compute its output from its inputs by differentiable operations",
        f,
        "NumPy, rounding, comparisons and `argmax` have no gradient: use `keras.ops` throughout.",
        got="an output without a gradient",
    )


def _tensor(name: str, leaf: Any) -> tf.Tensor:
    try:
        return tf.convert_to_tensor(leaf)
    except (TypeError, ValueError) as error:
        raise _checks.InvalidArgument(
            name, "be an array of floating-point numbers", leaf
        ) from error


def _check_dtype(name: str, tensor: tf.Tensor, hint: str) -> None:
    if not tensor.dtype.is_floating:
        raise _checks.InvalidArgument(
            name, "hold floating-point numbers", tensor, hint, got=f"dtype {tensor.dtype.name}"
        )
