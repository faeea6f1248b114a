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
    # The first invalid one, and its position in the input; where none is, also because there are
    # no rows, what is appended.
    first = tf.argmin(tf.cast(_flat(is_valid, False), tf.int8))
    places = tf.reshape(tf.range(tf.size(tensor)), tf.shape(tensor))[found.part]
    place = _flat(places, 0)[first]
    columns = tf.reduce_prod(tf.shape(tensor)[1:])
    message = [
        f"`{name}` must hold indices from 0 to {found.input_dim - 1}, since the layer "
        f"`{found.layer}` has input_dim={found.input_dim}; got",
        *(_flat(values, 0)[first], "in row", place // columns),
        *("column", tf.math.floormod(place, columns)),
    ]
    return tf.debugging.Assert(tf.reduce_all(is_valid), message)


def _flat(tensor: tf.Tensor, last: int) -> tf.Tensor:
    """Returns the values of a tensor along one axis, with one more at their end."""
    return tf.concat([tf.reshape(tensor, (-1,)), tf.cast([last], tensor.dtype)], axis=0)
