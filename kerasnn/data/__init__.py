"""Data sets as a `Split` into a training part and a test part."""

from kerasnn.data.encoder import Encoder
from kerasnn.data.from_csv import from_csv
from kerasnn.data.from_directory import from_directory
from kerasnn.data.from_tfds import from_tfds
from kerasnn.data.load import load
from kerasnn.data.split import Split

__all__ = [
    "Encoder",
    "Split",
    "from_csv",
    "from_directory",
    "from_tfds",
    "load",
]


def __dir__() -> list[str]:
    return sorted(__all__)
