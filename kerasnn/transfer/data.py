"""Images, or the features of images, with their targets."""

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

# Images of a batch hold about this many numbers; VGG16's first maps are 21 times as many.
_BATCH_NUMBERS = 2_500_000
_MOST_ROWS = 256


@dataclasses.dataclass(frozen=True)
class Images:
    """Rows that a network is trained or asked on.

    Args:
        x: Array `(rows, ...)`, or a `tf.data.Dataset` of batches (x, y) or (x, y, sample_weight).
        y: Targets, or None beside a dataset, or where there are none.
        sample_weight: Weights, likewise.
    """

    x: Any
    y: Any = None
    sample_weight: Any = None

    @property
    def is_stream(self) -> bool:
        """Whether they come batch by batch."""
        return isinstance(self.x, tf.data.Dataset)

    @property
    def count(self) -> int | None:
        """Number of rows, where it is known."""
        return None if self.is_stream else len(self.x)

    @property
    def packed(self) -> Any:
        """What a callback's `set_data` is given."""
        return None if self.is_stream else (self.x, self.y, self.sample_weight)

    def batches(self) -> Iterator[tuple[Any, Any, Any]]:
        """Yields (x, y, sample_weight) of batch after batch, once over all rows."""
        if self.is_stream:
            for batch in self.x:
                yield keras.utils.unpack_x_y_sample_weight(batch)
            return
        size = max(1, min(_MOST_ROWS, _BATCH_NUMBERS // math.prod(self.x.shape[1:])))
        for start in range(0, len(self.x), size):
            rows = slice(start, start + size)
            yield self.x[rows], cut(self.y, rows), cut(self.sample_weight, rows)

    def sample(self, rows: int) -> np.ndarray:
        """Returns some of the first rows of x."""
        if self.is_stream:
            return np.asarray(next(self.batches())[0][:rows])
        return self.x[:rows]


def cut(nest: Any, rows: Any) -> Any:
    """Returns some rows of an array, or of a structure of arrays, or None of None."""
    return keras.tree.map_structure(lambda a: None if a is None else a[rows], nest)


def joined(parts: list[Any]) -> Any:
    """Returns the rows of several structures of arrays, one after the other."""
    if parts[0] is None:
        return None
    return keras.tree.map_structure(lambda *p: np.concatenate([np.asarray(a) for a in p]), *parts)
