"""NumPy arrays as tensors of TensorFlow's C library, and back."""

import ctypes
import math
from typing import Any

import ml_dtypes
import numpy as np

from kerasnn.serving.runtime import c_library

_STRING = 7
# `TF_DataType` of `tf_datatype.h` -> NumPy's type; a string is an object of bytes.
DTYPES = {
    1: np.dtype(np.float32),
    2: np.dtype(np.float64),
    3: np.dtype(np.int32),
    4: np.dtype(np.uint8),
    5: np.dtype(np.int16),
    6: np.dtype(np.int8),
    _STRING: np.dtype(object),
    9: np.dtype(np.int64),
    10: np.dtype(np.bool_),
    14: np.dtype(ml_dtypes.bfloat16),
    17: np.dtype(np.uint16),
    19: np.dtype(np.float16),
    22: np.dtype(np.uint32),
    23: np.dtype(np.uint64),
}
_NUMBERS = {dtype: number for number, dtype in DTYPES.items()}
# `TF_TString` keeps up to 22 bytes in itself, and a pointer to more.
_STRING_BYTES = 24


def from_numpy(array: np.ndarray) -> int:
    """Returns a new `TF_Tensor` with a copy of `array`, to be freed with `TF_DeleteTensor`."""
    library = c_library.load()
    shape = (ctypes.c_int64 * array.ndim)(*array.shape)
    is_string = array.dtype == object
    size = array.size * (_STRING_BYTES if is_string else array.itemsize)
    tensor = library.TF_AllocateTensor(_NUMBERS[array.dtype], shape, array.ndim, size)
    place = library.TF_TensorData(tensor)
    if is_string:
        for text in array.flat:
            library.TF_StringInit(place)
            library.TF_StringCopy(place, text, len(text))
            place += _STRING_BYTES
    elif size:
        ctypes.memmove(place, np.ascontiguousarray(array).ctypes.data, size)
    return tensor


def to_numpy(tensor: Any) -> np.ndarray:
    """Returns a copy of a `TF_Tensor`; strings come as an array of bytes objects."""
    library = c_library.load()
    shape = [library.TF_Dim(tensor, axis) for axis in range(library.TF_NumDims(tensor))]
    number = library.TF_TensorType(tensor)
    place = library.TF_TensorData(tensor)
    if number == _STRING:
        texts = np.empty(math.prod(shape), object)
        for i in range(len(texts)):
            text = library.TF_StringGetDataPointer(place)
            texts[i] = ctypes.string_at(text, library.TF_StringGetSize(place))
            place += _STRING_BYTES
        return texts.reshape(shape)
    array = np.empty(shape, DTYPES[number])
    if array.size:
        ctypes.memmove(array.ctypes.data, place, array.nbytes)
    return array
