"""Aligned copies of arrays as tensors, and structures without None."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

_ALIGNMENT = 64


def hide_none(nest: Any) -> Any:
    """Returns a structure with an empty tuple in place of each None.

    For `tf.nest` and `tf.function` an empty tuple is no leaf, while None is a leaf that is no
    tensor. `show_none` puts None back for the step.

    >>> hide_none({"a": 1, "b": None})
    {'a': 1, 'b': ()}
    """
    return keras.tree.map_structure(lambda leaf: () if leaf is None else leaf, nest)


def show_none(nest: Any) -> Any:
    """Undoes `hide_none`.

    >>> show_none({"a": 1, "b": ()})
    {'a': 1, 'b': None}
    """

    def show(part: Any) -> Any:
        return keras.tree.MAP_TO_NONE if isinstance(part, tuple) and not part else None

    return keras.tree.traverse(show, nest)


def text_arrays(nest: Any) -> Any:
    """Returns a structure with NumPy arrays, of bytes, in place of tensors of text.

    Rows can be taken from arrays by their indices, from tensors not.

    >>> text_arrays((tf.constant(["a"]), None))
    (array([b'a'], dtype=object), None)
    """
    return keras.tree.map_structure(
        lambda leaf: leaf.numpy() if tf.is_tensor(leaf) and leaf.dtype == tf.string else leaf, nest
    )


def as_tensors(data: Any) -> Any:
    """Returns copies of arrays as tensors on the CPU.

    `tf.convert_to_tensor` copies an array twice: to protect it from changes, and to an address
    that is a multiple of 64 bytes, which TensorFlow needs. Here one copy does both.

    Args:
        data: Structure of arrays; tensors in it stay as they are.
    """
    with tf.device("CPU:0"):
        return tf.nest.map_structure(_as_tensor, data)


def _as_tensor(array: Any) -> tf.Tensor:
    is_plain = not tf.is_tensor(array) and array.dtype.kind in "biufc" and array.dtype.isnative
    if not is_plain or not array.size:
        return tf.convert_to_tensor(array)
    room = np.empty(array.nbytes + _ALIGNMENT, np.uint8)
    start = -room.ctypes.data % _ALIGNMENT
    aligned = room[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    np.copyto(aligned, array)
    return tf.experimental.dlpack.from_dlpack(aligned.__dlpack__())
