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
    if isinstance(value, (np.ndarray, np.generic)):
        # A list of Python's own numbers; of an array of objects, of what it holds.
        return encode(value.tolist()) if value.dtype.kind in "SO" else value.tolist()
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()}
    return value


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
