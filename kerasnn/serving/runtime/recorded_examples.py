"""File of example inputs with their expected outputs, stored beside a SavedModel."""

import pathlib
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

# In a version's directory; TensorFlow Serving ignores files there that it does not know.
FILE = pathlib.Path("assets.extra", "examples.npz")
# Raised by NumPy for damaged bytes, and below for other names of arrays.
_DAMAGES = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError, TypeError)

Arrays = dict[str, np.ndarray]


class Example(NamedTuple):
    """Rows for the inputs of one signature, and the outputs that are expected for them."""

    inputs: Arrays
    outputs: Arrays


def write(file: pathlib.Path, examples: Mapping[str, Example]) -> None:
    """Writes signature name -> example, as arrays named `signature/inputs/name`."""
    arrays: dict[str, Any] = {
        f"{signature}/{side}/{name}": _plain(array)
        for signature, example in examples.items()
        for side, named in example._asdict().items()
        for name, array in named.items()
    }
    np.savez_compressed(file, **arrays)


def read(file: pathlib.Path) -> dict[str, Example]:
    """Returns signature name -> example, as `write` wrote them.

    Raises:
        ValueError: If the file is damaged, or another file.
    """
    examples: dict[str, Example] = {}
    try:
        with file.open("rb") as contents, np.load(contents) as arrays:
            for key, array in arrays.items():
                signature, side, name = key.split("/", 2)
                example = examples.setdefault(signature, Example({}, {}))
                example._asdict()[side][name] = _full(array)
    except _DAMAGES as error:
        raise _damaged(file, error) from None
    if not examples or not all(side for example in examples.values() for side in example):
        raise _damaged(file, "inputs or outputs are missing")
    return examples


def _damaged(file: pathlib.Path, why: object) -> ValueError:
    return ValueError(
        f"{file} must hold the examples that `serving.export` recorded; it is damaged, or another "
        f"file: {why}. Export again, or give `examples`."
    )


def _plain(array: np.ndarray) -> np.ndarray:
    """Returns an array of a type that NumPy can store.

    Its fixed-length strings drop zeros at the end, which an appended dot prevents; bfloat16
    becomes float32, which holds all its values.
    """
    if array.dtype.kind == "V":
        return array.astype(np.float32)
    if array.dtype != object:
        return array
    return np.array([text + b"." for text in array.flat]).reshape(array.shape)


def _full(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind != "S":
        return array
    texts = np.empty(array.size, object)
    texts[:] = [text[:-1] for text in array.flat]
    return texts.reshape(array.shape)
