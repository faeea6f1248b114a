"""A model's outputs as what a server can write."""

from typing import Any

import numpy as np
import tensorflow as tf

# Beyond it float32 leaves out whole numbers.
_EXACT = 2**24


def activation(answer: Any) -> str | None:
    """Returns `softmax` or `sigmoid` where that computed the traced tensor `answer`."""
    if not isinstance(answer, tf.Tensor):
        return None
    operation = answer.op
    # What whole numbers are made of are no probabilities any more.
    while operation.type in ("Cast", "Identity") and operation.outputs[0].dtype.is_floating:
        operation = operation.inputs[0].op
    return {"Softmax": "softmax", "Sigmoid": "sigmoid"}.get(operation.type)


def writable(name: str, tensor: Any) -> tf.Tensor:
    """Returns an output as what a server can write: strings, or float32 for every number."""
    if not isinstance(tensor, tf.Tensor) or tensor.dtype.is_complex:
        kind = tensor.dtype.name if isinstance(tensor, tf.Tensor) else type(tensor).__name__
        raise ValueError(
            f"`model` must give real numbers or strings; its output `{name}` is {kind}. Export a "
            "model that ends in real numbers."
        )
    if tensor.shape.rank == 0:
        raise ValueError(
            "`model` must give one answer a row, along the first axis; its output "
            f"`{name}` is a single number for the whole batch."
        )
    if tensor.dtype == tf.string:
        return tensor
    # Of one or two bytes every whole number is a float32 too.
    if tensor.dtype.is_integer and tensor.dtype.size > 2:
        is_exact = tensor <= _EXACT
        if not tensor.dtype.is_unsigned:
            is_exact &= tensor >= -_EXACT
        check = tf.debugging.Assert(tf.reduce_all(is_exact), [_inexact(name), tensor])
        with tf.control_dependencies([check]):
            return tf.cast(tensor, tf.float32)
    if tensor.dtype == tf.float64:
        is_held = ~tf.math.is_finite(tensor) | tf.math.is_finite(tf.cast(tensor, tf.float32))
        check = tf.debugging.Assert(tf.reduce_all(is_held), [_beyond(name), tensor])
        with tf.control_dependencies([check]):
            return tf.cast(tensor, tf.float32)
    return tf.cast(tensor, tf.float32)


def expected(name: str, answer: np.ndarray) -> np.ndarray:
    """Returns what is to be served where the model predicts `answer`; whole numbers stay such."""
    if answer.dtype.kind in "iu" and np.any((answer > _EXACT) | (answer < -_EXACT)):
        raise ValueError(
            f"{_inexact(name)}; got {answer.min()} to {answer.max()}. Make strings of them, with "
            "`tf.strings.as_string`."
        )
    if answer.dtype.kind in "OSUiub":
        return answer
    with np.errstate(over="ignore"):
        cast = answer.astype(np.float32)
    beyond = np.isfinite(answer) & ~np.isfinite(cast)
    if beyond.any():
        raise ValueError(f"{_beyond(name)}; got {answer[beyond][0]:g}. Rescale it.")
    return cast


def _beyond(name: str) -> str:
    return f"`model` must give numbers that float32 holds, up to 3.4e38, in its output `{name}`"


def _inexact(name: str) -> str:
    return (
        f"`model` must give whole numbers that float32 holds, up to 2**24, in its output `{name}`"
    )
