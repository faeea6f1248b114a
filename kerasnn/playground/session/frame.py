"""Binary messages: a header in JSON, and arrays."""

import dataclasses
import json
import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

_NAMES = {"uint8": "u8", "uint16": "u16", "float32": "f32"}
_ALIGNMENT = 4


@dataclasses.dataclass(frozen=True)
class Array:
    """An array of a binary message.

    Attributes:
        values: Its values, of bytes or float32.
        low: What 0 stands for in an array of bytes.
        high: What 255 stands for.
    """

    values: np.ndarray
    low: float | None = None
    high: float | None = None


@dataclasses.dataclass(frozen=True)
class Frame:
    """A picture of a network.

    Attributes:
        generation: Number of the training that it belongs to.
        header: Numbers.
        arrays: Arrays by name.
    """

    generation: int
    header: dict[str, Any]
    arrays: dict[str, Array]


def scaled(values: np.ndarray, low: float, high: float) -> Array:
    """Returns values as bytes, from 0 at `low` to 255 at `high`."""
    if not (math.isfinite(low) and math.isfinite(high)):
        low, high = 0.0, 1.0
    width = high - low if high > low else 1.0
    parts = np.nan_to_num((values - low) / width * 255, nan=0, posinf=255, neginf=0)
    return Array(np.rint(parts.clip(0, 255)).astype(np.uint8), low, high)


def pack(header: Mapping[str, Any], arrays: Mapping[str, Array]) -> bytes:
    """Returns a binary message.

    It holds the length of the header, four bytes, the least first; the header, JSON in UTF-8; and
    the bytes of each array, which begin at a multiple of four.
    """
    listed = []
    for name, array in arrays.items():
        entry = {"name": name, "dtype": _NAMES[array.values.dtype.name]}
        entry |= {"shape": list(array.values.shape), "low": array.low, "high": array.high}
        listed.append(entry)
    text = dump({**header, "arrays": listed}).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    parts = [struct.pack("<I", len(text)), text]
    for array in arrays.values():
        data = np.ascontiguousarray(array.values).tobytes()
        parts += [data, bytes(-len(data) % _ALIGNMENT)]
    return b"".join(parts)


def unpack(message: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Returns header and arrays of a binary message."""
    [size] = struct.unpack_from("<I", message)
    header = json.loads(message[4 : 4 + size])
    types = {short: np.dtype(name) for name, short in _NAMES.items()}
    arrays, at = {}, 4 + size
    for entry in header["arrays"]:
        kind, count = types[entry["dtype"]], math.prod(entry["shape"])
        values = np.frombuffer(message, kind, count, at).reshape(entry["shape"])
        arrays[entry["name"]] = values
        at += values.nbytes + -values.nbytes % _ALIGNMENT
    return header, arrays


def dump(message: Any) -> str:
    """Returns a message as JSON, with null in place of NaN and infinity."""
    return json.dumps(_plain(message), allow_nan=False, separators=(",", ":"))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (str, int, float)):
        return value
    return str(value)
