"""Outputs of a model in the types that a server can write: strings and float32."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from kerasnn._checks.errors import InvalidArgument

# float32 does not hold all integers beyond it.
_EXACT = 2**24
# Of weights in float32, whose sum is 1.
_ROUNDING = 1e-5


def activation(tensor: Any) -> str | None:
    """Returns `softmax` or `sigmoid` where that, or a weighted mean of several, computed it."""
    if not isinstance(tensor, tf.Tensor):
        return None
    operation = tensor.op
    # Probabilities that were rounded to integers are none any more.
    while operation.type in ("Cast", "Identity") and operation.outputs[0].dtype.is_floating:
        operation = operation.inputs[0].op
    terms = list(_terms(operation.outputs[0], 1.0))
    if abs(sum(weight for _, weight in terms) - 1) < _ROUNDING and terms[0][0].op is not operation:
        found = {activation(term) for term, _ in terms}
        return found.pop() if len(found) == 1 else None
    return {"Softmax": "softmax", "Sigmoid": "sigmoid"}.get(operation.type)


def _terms(tensor: tf.Tensor, weight: float) -> Iterator[tuple[tf.Tensor, float]]:
    """Yields the terms of a sum of tensors, each with the constant that it is multiplied by."""
    operation = tensor.op
    if operation.type == "AddV2":
        for part in operation.inputs:
            yield from _terms(part, weight)
        return
    constant = None
    if operation.type in ("Mul", "RealDiv"):
        constant = tf.get_static_value(operation.inputs[1])
    if constant is None or constant.ndim:
        yield tensor, weight
    else:
        factor = float(constant) if operation.type == "Mul" else 1 / float(constant)
        yield from _terms(operation.inputs[0], weight * factor)


def writable(name: str, tensor: Any) -> tf.Tensor:
    """Returns an output as strings, or as float32 for every kind of number."""
    if not isinstance(tensor, tf.Tensor) or tensor.dtype.is_complex:
        kind = tensor.dtype.name if isinstance(tensor, tf.Tensor) else type(tensor).__name__
        raise InvalidArgument(
            "model",
            f"give real numbers or strings in its output `{name}`",
            tensor,
            "Export a model that ends in real numbers.",
            got=kind,
        )
    if tensor.shape.rank == 0:
        raise InvalidArgument(
            "model",
            f"give one prediction a row, along the first axis, in its output `{name}`",
            tensor,
            got="a single number for the whole batch",
        )
    if tensor.dtype == tf.string:
        return tensor
    # float32 holds every integer of one or two bytes.
    if tensor.dtype.is_integer and tensor.dtype.size > 2:
        is_exact = tensor <= _EXACT
        if not tensor.dtype.is_unsigned:
            is_exact &= tensor >= -_EXACT
        return _asserted(is_exact, f"`model` must {_integers(name)}", tensor)
    if tensor.dtype == tf.float64:
        is_in_range = ~tf.math.is_finite(tensor) | tf.math.is_finite(tf.cast(tensor, tf.float32))
        return _asserted(is_in_range, f"`model` must {_floats(name)}", tensor)
    return tf.cast(tensor, tf.float32)


def expected(name: str, predicted: np.ndarray) -> np.ndarray:
    """Returns what is to be served for a prediction of the model; integers stay integers.

    Raises:
        InvalidArgument: If float32 cannot hold it.
    """
    if predicted.dtype.kind in "iu" and np.any((predicted > _EXACT) | (predicted < -_EXACT)):
        raise InvalidArgument(
            "model",
            _integers(name),
            predicted,
            "Make strings of them, with `tf.strings.as_string`.",
            got=f"{predicted.min()} to {predicted.max()}",
        )
    if predicted.dtype.kind in "OSUiub":
        return predicted
    with np.errstate(over="ignore"):
        cast = predicted.astype(np.float32)
    beyond = np.isfinite(predicted) & ~np.isfinite(cast)
    if beyond.any():
        value = predicted[beyond][0]
        raise InvalidArgument("model", _floats(name), value, "Rescale it.", got=f"{value:g}")
    return cast


def _asserted(condition: tf.Tensor, rule: str, tensor: tf.Tensor) -> tf.Tensor:
    check = tf.debugging.Assert(tf.reduce_all(condition), [f"{rule}; got", tensor])
    with tf.control_dependencies([check]):
        return tf.cast(tensor, tf.float32)


def _floats(name: str) -> str:
    return f"give numbers that float32 can hold, up to 3.4e38, in its output `{name}`"


def _integers(name: str) -> str:
    return f"give integers that float32 can hold, up to 2**24, in its output `{name}`"
