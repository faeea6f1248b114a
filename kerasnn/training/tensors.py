"""Arrays of the user's as tensors."""

from typing import Any

import numpy as np
import tensorflow as tf

_ALIGNMENT = 64


def as_tensors(data: Any) -> Any:
    """Returns copies of arrays as tensors on the CPU.

    `tf.convert_to_tensor` copies an array twice: lest it be changed, and to an address that is a
    multiple of 64 bytes, as TensorFlow wants it. Here one copy does both.

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
