"""TensorFlow Serving's JSON: https://www.tensorflow.org/tfx/serving/api_rest."""

import base64
from typing import Any

import numpy as np


def encode(value: Any) -> Any:
    """Returns `value`, arrays and all, as JSON can hold it; bytes become `{"b64": ...}`.

    >>> encode({"features": np.array([[1.5, 2]]), "file": b"GIF"})
    {'features': [[1.5, 2.0]], 'file': {'b64': 'R0lG'}}
    """
    if isinstance(value, dict):
        return {key: encode(item) for key, item in value.items()}
    value = python(value)
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()}
    return value


def python(value: Any) -> Any:
    """Returns an array, or what can be made one, as lists of Python's own values.

    >>> python(np.array([[1, 2]])), python(np.float32(0.5)), python("a")
    ([[1, 2]], 0.5, 'a')

    Raises:
        ValueError: If some of it is masked, or it holds dates.
    """
    if not hasattr(value, "__array__"):
        return value
    if np.ma.is_masked(value):
        raise ValueError(
            "what is sent must hold a value everywhere; got a masked array. Fill it, with "
            "`x.filled(value)`, or leave out the rows."
        )
    array = np.asarray(value)
    if array.dtype.kind in "mM":
        raise ValueError(
            f"what is sent must be numbers or strings; got an array of {array.dtype.name}. Make "
            "strings of it, with `x.astype(str)`."
        )
    # A bfloat16 is a float32 too.
    is_small_float = array.dtype.kind == "V" and array.dtype.names is None
    return (array.astype(np.float32) if is_small_float else array).tolist()


def decode(value: Any) -> Any:
    """Returns a parsed answer with bytes where it holds `{"b64": ...}`.

    >>> decode([{"file": {"b64": "R0lG"}}])
    [{'file': b'GIF'}]
    """
    if isinstance(value, dict):
        if value.keys() == {"b64"}:
            return base64.b64decode(value["b64"], validate=True)
        return {key: decode(item) for key, item in value.items()}
    return [decode(item) for item in value] if isinstance(value, list) else value
