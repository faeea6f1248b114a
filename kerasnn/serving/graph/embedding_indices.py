"""Check, in a served program, of indices into the rows of an `Embedding`."""

from typing import Any

import tensorflow as tf

from kerasnn.training.inputs.arrays import with_axes_of
from kerasnn.training.inputs.embeddings import Indices, indices_of


def checked(model: Any, received: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Returns the input tensors of a program that fails where they are no valid indices.

    TensorFlow counts a negative index from the end of the table, and XLA clips an index; a request
    with such an index is to be refused instead.

    Args:
        model: The model that is served.
        received: Input name -> tensor, in the order of the flattened inputs.
    """
    found = indices_of(model)
    if not found:
        return received
    tensors = list(received.items())
    checks = [_check(*tensors[one.position], model.inputs[one.position], one) for one in found]
    with tf.control_dependencies(checks):
        return {name: tf.identity(tensor) for name, tensor in received.items()}


def _check(name: str, tensor: tf.Tensor, symbolic: Any, found: Indices) -> tf.Operation:
    tensor = with_axes_of(symbolic, tensor)
    values = tensor[found.part]
    is_valid = (values >= 0) & (values < tf.cast(found.input_dim, values.dtype))
    # The first invalid one, or any where none is invalid, and its position in the input.
    first = tf.argmin(tf.cast(tf.reshape(is_valid, (-1,)), tf.int8))
    places = tf.reshape(tf.range(tf.size(tensor)), tf.shape(tensor))[found.part]
    place = tf.reshape(places, (-1,))[first]
    columns = tf.reduce_prod(tf.shape(tensor)[1:])
    message = [
        f"`{name}` must hold indices from 0 to {found.input_dim - 1}, since the layer "
        f"`{found.layer}` has input_dim={found.input_dim}; got",
        *(tf.reshape(values, (-1,))[first], "in row", place // columns),
        *("column", tf.math.floormod(place, columns)),
    ]
    return tf.debugging.Assert(tf.reduce_all(is_valid), message)
