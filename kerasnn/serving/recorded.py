"""Examples with their answers, in a file beside the program that is to give them."""

import pathlib
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

# In a version's directory; TensorFlow Serving leaves alone what it does not know there.
FILE = pathlib.Path("assets.extra", "examples.npz")

Arrays = dict[str, np.ndarray]


class Example(NamedTuple):
    """Rows for the inputs of one signature, and the answers that they are to get."""

    inputs: Arrays
    outputs: Arrays


def write(file: pathlib.Path, examples: Mapping[str, Example]) -> None:
    """Writes signature name -> example, as arrays named `signature/inputs/name`."""
    arrays = {
        f"{signature}/{side}/{name}": _plain(array)
        for signature, example in examples.items()
        for side, named in example._asdict().items()
        for name, array in named.items()
    }
    np.savez_compressed(file, allow_pickle=False, **arrays)


def read(file: pathlib.Path) -> dict[str, Example]:
    """Returns what `write` wrote."""
    examples: dict[str, Example] = {}
    with np.load(file) as arrays:
        for key, array in arrays.items():
            signature, side, name = key.split("/", 2)
            example = examples.setdefault(signature, Example({}, {}))
            getattr(example, side)[name] = _full(array)
    return examples


def _plain(array: np.ndarray) -> np.ndarray:
    """Returns strings as NumPy's own kind; that drops zeros at the end, which a dot holds."""
    if array.dtype != object:
        return array
    return np.array([text + b"." for text in array.flat]).reshape(array.shape)


def _full(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind != "S":
        return array
    texts = np.empty(array.size, object)
    texts[:] = [text[:-1] for text in array.flat]
    return texts.reshape(array.shape)
