"""Checkpoint file of `Resume`: arrays and JSON, written whole or not at all."""

import dataclasses
import io
import json
import pathlib
import struct
import zipfile
import zlib
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn._core import atomic_files

_DOCUMENT = "state.json"
_ARRAY = "__array__"
# What zipfile, json and NumPy raise for bytes that are not those written: each member is read to
# its end, where its CRC-32 is compared, before anything in it is interpreted.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    KeyError,
    ValueError,
    RuntimeError,
    OverflowError,
    OSError,
)


@dataclasses.dataclass(frozen=True)
class Frozen:
    """A state as it was at one moment.

    Args:
        document: JSON, in which a number stands for each array.
        arrays: The arrays.
    """

    document: str
    arrays: list[np.ndarray]


def freeze(state: dict[str, Any]) -> Frozen:
    """Copies a state of numbers, strings, None, arrays, and lists and dictionaries of them.

    A tuple becomes a list, a tensor or a variable an array, and an array without axes a NumPy
    scalar. All else keeps its type and its bits.

    Raises:
        TypeError: If something else is in it.
    """
    arrays: list[np.ndarray] = []
    document = json.dumps(_encode(state, arrays))
    # The buffer of a tensor, which nobody can write to, need not be copied.
    return Frozen(document, [a.copy() if a.flags.writeable else a for a in arrays])


def save(path: pathlib.Path, frozen: Frozen) -> None:
    """Writes a state to a file, in place of the one before it.

    The file is a zip of `state.json`, `0.npy`, `1.npy`, ..., which `numpy.load` opens. It is
    written under another name and flushed to the disk before it is renamed, and so is the
    directory afterwards: whenever the process or the machine stops, the file at `path` is the
    former one or the new one, and whole.

    Raises:
        OSError: If the disk is full or refuses; the former file stays.
    """
    with atomic_files.replacing(path) as draft, zipfile.ZipFile(draft, "x") as archive:
        archive.writestr(_DOCUMENT, frozen.document)
        for number, array in enumerate(frozen.arrays):
            with archive.open(f"{number}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def load(path: pathlib.Path) -> Any:
    """Returns the state that was saved, or None where there is no file.

    It also removes what a killed writer has left. Nothing in a file can run code.

    Raises:
        InvalidArgument: If the file is damaged, was not written by `save`, or cannot be read.
    """
    atomic_files.clear_drafts(path)
    if not path.exists():
        return None
    try:
        with zipfile.ZipFile(path) as archive:

            def decode(value: dict[str, Any]) -> Any:
                return _array(archive, *value[_ARRAY]) if _ARRAY in value else value

            return json.loads(archive.read(_DOCUMENT), object_hook=decode)
    except _DAMAGE as error:
        raise _checks.InvalidArgument(
            "path",
            "be a new file, or one that `Resume` has written, whole",
            str(path),
            "Give another path; or, if it is a damaged file of `Resume`'s, delete it to train "
            "from the start.",
            got=f"{str(path)!r}, which cannot be read: {_checks.first_line(error)}",
        ) from error


def _encode(value: Any, arrays: list[np.ndarray]) -> Any:
    """Returns a value as JSON knows it; puts its arrays into `arrays`."""
    if isinstance(value, dict):
        if not all(isinstance(name, str) for name in value):
            raise TypeError("a dictionary has keys that are not strings")
        return {name: _encode(item, arrays) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encode(item, arrays) for item in value]
    if isinstance(value, keras.Variable):
        value = value.value
    if isinstance(value, (np.ndarray, np.generic, tf.Tensor, tf.Variable)):
        array = np.asarray(value)
        if array.dtype.kind == "O":
            raise TypeError("an array holds objects")
        arrays.append(array)
        return {_ARRAY: [len(arrays) - 1, array.dtype.name]}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"a value is a {type(value).__name__}")


def _array(archive: zipfile.ZipFile, number: int, dtype: str) -> Any:
    content = io.BytesIO(archive.read(f"{number}.npy"))
    array = np.lib.format.read_array(content, allow_pickle=False)
    # NumPy's files call bfloat16 and its like untyped bytes.
    array = array.view(tf.as_dtype(dtype).as_numpy_dtype) if array.dtype.kind == "V" else array
    return array if array.ndim else array[()]
