"""The rows that a doctor looks at."""

import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf

_MOST_ROWS, _FEWEST_ROWS = 256, 16
# Rows of large images are fewer: they and all that is computed from them are held at once.
_MOST_NUMBERS = 1 << 20


@dataclasses.dataclass(frozen=True)
class Sample:
    """Some rows: inputs, targets and sample weights, as structures of tensors, or None."""

    x: Any
    y: Any
    sample_weight: Any

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(keras.tree.flatten(self.x)[0])


def check_rows(name: str, rows: Any) -> None:
    """Raises unless `rows` are inputs and targets, with sample weights or without."""
    several = isinstance(rows, (tuple, list))
    if not several or not 2 <= len(rows) <= 3:
        got = type(rows).__name__ + (f" of {len(rows)}" if several else "")
        raise ValueError(
            f"`{name}` must be (x, y) or (x, y, sample_weight); got {got}. Give inputs with their "
            f"targets: {name}=(x, y)."
        )


def sample_of(x: Any, y: Any, sample_weight: Any = None) -> Sample:
    """Returns rows at equal distances from one another, at most 256.

    No random number is drawn, and rows that are sorted by class are all represented.
    """
    arrays = keras.tree.flatten(x)
    rows = len(arrays[0])
    numbers = sum(int(np.prod(array.shape[1:])) for array in arrays)
    most = min(_MOST_ROWS, max(_FEWEST_ROWS, _MOST_NUMBERS // max(1, numbers)))
    places = np.linspace(0, rows - 1, min(rows, most)).round().astype(int)

    def take(array: Any) -> Any:
        if array is None:
            return None
        if isinstance(array, tf.Tensor):
            return tf.gather(array, places)
        return tf.convert_to_tensor(np.asarray(array)[places])

    return Sample(*(keras.tree.map_structure(take, nest) for nest in (x, y, sample_weight)))
