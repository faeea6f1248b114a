"""Jacobians."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from kerasnn.autodiff import _inputs


def jacobian(f: Callable[[Any], Any], x: Any) -> Any:
    """Computes all partial derivatives of f at x.

    J[i, j] = dy_i / dx_j, with all axes of y before all axes of x, the batch axis included: a
    model maps `(batch, features)` to `(batch, units)`, and its Jacobian is `(batch, units, batch,
    features)`, zero where the two rows differ.

    It takes one backward pass for each number in y, run together; for a single product with a
    vector use `vjp` or `jvp`.

    Args:
        f: A function of one tensor, or a Keras model, which runs in inference mode.
        x: A floating-point array, or a list, tuple or dict of them.

    Returns:
        A tensor of shape `(*y.shape, *x.shape)`; for nested x or y with the structure of y, and
        within it that of x. Zeros where an output does not depend on an input.

    Raises:
        InvalidArgument: If x or y holds no floating-point numbers, or y has no gradient to x.

    Example:
        >>> jacobian(lambda x: keras.ops.stack([x[0] * x[1], x[0] + x[1]]), tf.constant([2.0, 3.0]))
        <tf.Tensor: shape=(2, 2), dtype=float32, numpy=
        array([[3., 2.],
               [1., 1.]], dtype=float32)>
    """
    inputs = _inputs.of_inputs("x", x)
    flat = keras.tree.flatten(inputs)
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch(flat)
        y = _inputs.of_outputs(f, [inputs])
    outputs = keras.tree.flatten(y)
    blocks = [tape.jacobian(leaf, flat) for leaf in outputs]
    if all(block is None for row in blocks for block in row):
        raise _inputs.unconnected(f)
    filled = [
        keras.tree.pack_sequence_as(
            inputs,
            [
                tf.zeros((*leaf.shape, *source.shape), leaf.dtype) if block is None else block
                for source, block in zip(flat, row, strict=True)
            ],
        )
        for leaf, row in zip(outputs, blocks, strict=True)
    ]
    return keras.tree.pack_sequence_as(y, filled)
