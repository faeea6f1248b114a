"""Nested structures of tensors that can be differentiated."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from kerasnn import _checks


def of_inputs(name: str, nest: Any) -> Any:
    """Returns a structure of arrays as one of tensors, each an object of its own."""
    for leaf_name, leaf in _checks.named_leaves(name, nest):
        _check_dtype(leaf_name, _tensor(leaf_name, leaf), "Cast it to float32 or float64.")
    # The same array given twice is two variables.
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
            "A class number or a comparison has no derivative: return what it is made from.",
        )
    return keras.tree.map_structure(lambda leaf: _tensor("f(...)", leaf), y)


def like(name: str, nest: Any, owner: str, wanted: Any) -> Any:
    """Returns arrays nested as `wanted` as tensors with its shapes and dtypes."""
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
    # NumPy's float64 may meet a float32 tensor: the numbers are meant, not the dtype.
    tensor = _tensor(name, nest)
    if not (tensor.dtype.is_floating or tensor.dtype.is_integer):
        _check_dtype(name, tensor, f"It multiplies `{owner}`.")
    tensor = tf.cast(tensor, wanted.dtype)
    if tensor.shape != wanted.shape:
        raise ValueError(
            f"`{name}` must have the shape of `{owner}`, {tuple(wanted.shape)}; got "
            f"{tuple(tensor.shape)}."
        )
    return tensor


def unconnected() -> ValueError:
    """Returns the error of a function whose output no input reaches."""
    return ValueError(
        "`f` must compute its output from its inputs by differentiable operations; got an output "
        "that no derivative reaches. NumPy, rounding, comparisons and `argmax` cut it off: use "
        "`keras.ops` throughout."
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
        raise ValueError(
            f"`{name}` must hold floating-point numbers; got dtype {tensor.dtype.name}. {hint}"
        )
