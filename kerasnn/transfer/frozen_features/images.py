"""Images, or the features of images, with their targets."""

import contextlib
import dataclasses
import itertools
import math
import re
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks

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
        name: What errors call them.
    """

    x: Any
    y: Any = None
    sample_weight: Any = None
    name: str = "x"

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
            yield from self._stream()
            return
        size = max(1, min(_MOST_ROWS, _BATCH_NUMBERS // math.prod(self.x.shape[1:])))
        for start in range(0, len(self.x), size):
            rows = slice(start, start + size)
            yield self.x[rows], cut(self.y, rows), cut(self.sample_weight, rows)

    def sample(self, rows: int) -> np.ndarray:
        """Returns some of the first rows of x."""
        if self.is_stream:
            for x, _, _ in self.batches():
                return x[:rows]
            raise ValueError(
                f"`{self.name}` must hold at least one batch; got an empty tf.data.Dataset."
            )
        return self.x[:rows]

    def _stream(self) -> Iterator[tuple[Any, Any, Any]]:
        batches = iter(self.x)
        for number in itertools.count():
            try:
                with reading(self.name):
                    batch = next(batches)
            except StopIteration:
                return
            x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
            array = np.asarray(x)
            if array.dtype.kind == "f":
                _checks.finite(f"{self.name} of batch {number}", array, array)
            yield array, y, sample_weight


@contextlib.contextmanager
def reading(name: str) -> Iterator[None]:
    """Raises what a dataset itself raises, in words that say whose fault it is."""
    try:
        yield
    except tf.errors.OpError as error:
        lines = re.sub(r"\{\{.*?\}\}\s*", "", str(error.message)).strip().splitlines()
        raise ValueError(f"`{name}` must give its batches; one failed: {lines[0]}") from error


def check_source(name: str, data: Any) -> None:
    """Raises unless data can be read again and ends.

    Args:
        name: What the error calls it.
        data: Arrays, or a stream.
    """
    if data is None:
        raise _checks.InvalidArgument(name, "be an array of images or a `tf.data.Dataset`", data)
    if hasattr(data, "__next__") or isinstance(data, keras.utils.PyDataset):
        raise ValueError(
            f"`{name}` must be arrays or a `tf.data.Dataset`, which can be read again; got "
            f"{type(data).__name__}."
        )
    if isinstance(data, tf.data.Dataset) and data.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError(f"`{name}` must end; got a dataset that repeats for ever. Use `.take(n)`.")


def cut(nest: Any, rows: Any) -> Any:
    """Returns some rows of an array, or of a structure of arrays, or None of None."""
    return keras.tree.map_structure(lambda a: None if a is None else a[rows], nest)


def joined(parts: list[Any]) -> Any:
    """Returns the rows of several structures of arrays, one after the other."""
    if parts[0] is None:
        return None
    return keras.tree.map_structure(lambda *p: np.concatenate([np.asarray(a) for a in p]), *parts)
