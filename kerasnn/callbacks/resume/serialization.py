"""Plain data as JSON and arrays, and back: nothing that is read can run code."""

import base64
import dataclasses
import json
from typing import Any

import keras
import numpy as np
import tensorflow as tf

_BY_LETTER = "buifcSUMm"


class NotPlainError(TypeError):
    """Says that a value cannot be written down."""


@dataclasses.dataclass(frozen=True)
class Frozen:
    """Plain data as it was at one moment: JSON, and the arrays that it numbers."""

    document: str
    arrays: list[np.ndarray]

    @classmethod
    def of(cls, value: Any) -> "Frozen":
        """Freezes `value`; raises `NotPlainError` if something in it is not plain."""
        arrays: list[np.ndarray] = []
        document = json.dumps(encode(value, arrays))
        # A tensor's buffer, which nobody can write to, need not be copied.
        return cls(document, [a.copy() if a.flags.writeable else a for a in arrays])

    def thaw(self) -> Any:
        """Returns what was frozen."""
        return decode(json.loads(self.document), self.arrays)


def encode(value: Any, arrays: list[np.ndarray]) -> Any:
    """Returns `value` as JSON; puts its arrays into `arrays` and numbers in their place.

    Numbers, text, bytes, arrays, tensors, and lists, tuples, sets and dictionaries of them are
    plain. They come back with the same type and the same bits; a tensor or a variable comes back
    as an array.

    Raises:
        NotPlainError: If something in `value` is not plain.
    """
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if kind is list:
        return [encode(item, arrays) for item in value]
    if kind in (tuple, set, frozenset):
        return {kind.__name__: [encode(item, arrays) for item in value]}
    if kind is dict:
        return {"dict": [[encode(k, arrays), encode(v, arrays)] for k, v in value.items()]}
    if kind is bytes:
        return {"bytes": base64.b64encode(value).decode("ascii")}
    if isinstance(value, np.generic) and _is_real(value):
        return {"number": [value.dtype.name, value.item()]}
    if isinstance(value, keras.Variable):
        value = value.value
    if isinstance(value, (np.ndarray, tf.Tensor, tf.Variable)):
        return _encode_array(np.asarray(value), arrays)
    raise NotPlainError(f"a {kind.__name__} is no plain data")


def decode(value: Any, arrays: list[np.ndarray]) -> Any:
    """Returns what `encode` was given."""
    if isinstance(value, list):
        return [decode(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    [(kind, held)] = value.items()
    if kind == "dict":
        return {decode(k, arrays): decode(v, arrays) for k, v in held}
    if kind == "bytes":
        return base64.b64decode(held)
    if kind == "number":
        return tf.as_dtype(held[0]).as_numpy_dtype(held[1])
    if kind == "array":
        number, dtype = held
        return arrays[number].view(tf.as_dtype(dtype).as_numpy_dtype) if dtype else arrays[number]
    items = {"tuple": tuple, "set": set, "frozenset": frozenset}
    return items[kind](decode(item, arrays) for item in held)


def _is_real(scalar: np.generic) -> bool:
    """Whether a scalar is a truth value or a real number, of bfloat16 and its like too."""
    return scalar.dtype.kind in "buif" or type(scalar.item()) is float


def _encode_array(array: np.ndarray, arrays: list[np.ndarray]) -> Any:
    if array.dtype.kind == "O":
        raise NotPlainError("an array of objects is no plain data")
    # NumPy's files know no bfloat16 and its like: their bits are kept as whole numbers.
    strange = array.dtype.kind not in _BY_LETTER
    arrays.append(array.view(f"u{array.dtype.itemsize}") if strange else array)
    return {"array": [len(arrays) - 1, array.dtype.name if strange else ""]}
