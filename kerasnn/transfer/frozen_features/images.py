"""Images, or features of images, with their targets, in arrays or a dataset."""

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

# Numbers in a batch of images; the first feature maps of VGG16 are 21 times as large.
_BATCH_NUMBERS = 2_500_000
_MOST_ROWS = 256


@dataclasses.dataclass(frozen=True)
class Images:
    """Rows with targets and weights.

    Args:
        x: Array `(rows, ...)`, or a `tf.data.Dataset` of batches (x, y) or (x, y, sample_weight).
        y: Targets, or None with a dataset or without targets.
        sample_weight: Weights, likewise.
        name: Name of the argument, for errors.
    """

    x: Any
    y: Any = None
    sample_weight: Any = None
    name: str = "x"

    @property
    def is_stream(self) -> bool:
        """Whether x is a dataset."""
        return isinstance(self.x, tf.data.Dataset)

    @property
    def count(self) -> int | None:
        """Number of rows, or None for a dataset."""
        return None if self.is_stream else len(self.x)

    @property
    def packed(self) -> Any:
        """(x, y, sample_weight) for a callback's `set_data`; None for a dataset."""
        return None if self.is_stream else (self.x, self.y, self.sample_weight)

    def batches(self) -> Iterator[tuple[Any, Any, Any]]:
        """Yields batches (x, y, sample_weight), once over all rows."""
        if self.is_stream:
            yield from self._stream()
            return
        size = max(1, min(_MOST_ROWS, _BATCH_NUMBERS // math.prod(self.x.shape[1:])))
        for start in range(0, len(self.x), size):
            rows = slice(start, start + size)
            yield self.x[rows], _take(self.y, rows), _take(self.sample_weight, rows)

    def sample(self, rows: int) -> np.ndarray:
        """Returns some of the first rows of x."""
        if self.is_stream:
            for x, _, _ in self.batches():
                return x[:rows]
            raise _checks.InvalidArgument(
                self.name, "hold at least one batch", self.x, got="an empty tf.data.Dataset"
            )
        return self.x[:rows]

    def _stream(self) -> Iterator[tuple[Any, Any, Any]]:
        batches = iter(self.x)
        for number in itertools.count():
            try:
                with blaming_dataset(self.name):
                    batch = next(batches)
            except StopIteration:
                return
            x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
            array = np.asarray(x)
            if array.dtype.kind == "f":
                _checks.finite(f"{self.name} of batch {number}", array, array)
            yield array, y, sample_weight


@contextlib.contextmanager
def blaming_dataset(name: str) -> Iterator[None]:
    """Raises an error of a dataset as an `InvalidArgument`."""
    try:
        yield
    except tf.errors.OpError as error:
        lines = re.sub(r"\{\{.*?\}\}\s*", "", str(error.message)).strip().splitlines()
        raise _checks.InvalidArgument(
            name, "yield all of its batches", None, got=f"an error: {lines[0]}"
        ) from error


def check_source(name: str, data: Any) -> None:
    """Raises unless data is finite and can be read repeatedly.

    Args:
        name: Name of the argument.
        data: Arrays or a dataset.
    """
    if data is None:
        raise _checks.InvalidArgument(name, "be an array of images or a `tf.data.Dataset`", data)
    if hasattr(data, "__next__") or isinstance(data, keras.utils.PyDataset):
        raise _checks.InvalidArgument(
            name,
            "be arrays or a `tf.data.Dataset`, which can be read repeatedly",
            data,
            got=type(data).__name__,
        )
    if isinstance(data, tf.data.Dataset) and data.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise _checks.InvalidArgument(
            name, "end", data, "Use `.take(n)`.", got="a dataset that repeats for ever"
        )


def _take(nest: Any, rows: Any) -> Any:
    """Returns some rows of each array of a structure; None stays None."""
    return keras.tree.map_structure(lambda a: None if a is None else a[rows], nest)


def concatenated(parts: list[Any]) -> Any:
    """Returns the rows of several structures of arrays in one structure."""
    if parts[0] is None:
        return None
    return keras.tree.map_structure(lambda *p: np.concatenate([np.asarray(a) for a in p]), *parts)
