"""Values in TensorFlow Serving's JSON: https://www.tensorflow.org/tfx/serving/api_rest."""

import base64
from typing import Any

import numpy as np

from kerasnn import _checks


def encode(value: Any) -> Any:
    """Returns `value` as JSON can hold it: arrays become lists, and bytes `{"b64": ...}`.

    >>> encode({"features": np.array([[1.5, 2]]), "file": b"GIF"})
    {'features': [[1.5, 2.0]], 'file': {'b64': 'R0lG'}}
    """
    if isinstance(value, dict):
        return {key: encode(item) for key, item in value.items()}
    value = as_lists(value)
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    return {"b64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def as_lists(value: Any) -> Any:
    """Returns an array, or what can be made one, as lists of Python's own values.

    >>> as_lists(np.array([[1, 2]])), as_lists(np.float32(0.5)), as_lists("a")
    ([[1, 2]], 0.5, 'a')

    Raises:
        InvalidArgument: If the array is masked or of dates.
    """
    if not hasattr(value, "__array__"):
        return value
    _checks.refuse_masked("x", value)
    array = np.asarray(value)
    if array.dtype.kind in "mM":
        raise _checks.InvalidArgument(
            "x",
            "hold numbers or strings",
            value,
            "Make strings of it, with `x.astype(str)`.",
            got=f"an array of {array.dtype.name}",
        )
    # NumPy makes no Python numbers of bfloat16; float32 holds all its values.
    is_small_float = array.dtype.kind == "V" and array.dtype.names is None
    return (array.astype(np.float32) if is_small_float else array).tolist()


def decode(value: Any) -> Any:
    """Returns a parsed response with bytes in place of `{"b64": ...}`.

    >>> decode([{"file": {"b64": "R0lG"}}])
    [{'file': b'GIF'}]
    """
    if isinstance(value, dict):
        if value.keys() == {"b64"}:
            return base64.b64decode(value["b64"], validate=True)
        return {key: decode(item) for key, item in value.items()}
    return [decode(item) for item in value] if isinstance(value, list) else value
