"""Data sets as a `Split` into a training part and a test part."""

from kerasnn.data.from_csv import from_csv
from kerasnn.data.from_directory import from_directory
from kerasnn.data.from_frame import from_frame
from kerasnn.data.from_tfds import from_tfds
from kerasnn.data.load import load
from kerasnn.data.pad import pad
from kerasnn.data.split import Split
from kerasnn.data.tables.encoder import Encoder

__all__ = [
    "Encoder",
    "Split",
    "from_csv",
    "from_directory",
    "from_frame",
    "from_tfds",
    "load",
    "pad",
]


def __dir__() -> list[str]:
    return sorted(__all__)
