"""Base of the layers that learn once, from the training rows of the first `fit`."""

import abc
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn.layers._masks import mask_of

_CHUNK_BYTES = 1 << 22


class AdaptiveLayer(keras.layers.Layer, abc.ABC):
    """A layer that `kerasnn.fit` adapts to the training rows before its first step.

    A subclass creates its statistics in `build`, with `self.count = self.add_count()` among them,
    and sets them in `adapt`.

    Attributes:
        count: Number of rows that it has learned from; a weight, saved with the others.
    """

    count: Any

    @property
    def adapted(self) -> bool:
        """Whether it has learned."""
        return self.built and int(self.count.numpy()) > 0

    @property
    def learns_targets(self) -> bool:
        """Whether it learns from the targets, not from its inputs."""
        return False

    @abc.abstractmethod
    def adapt(self, data: Any) -> None:
        """Learns from all of `data`: an array, or an iterable of batches."""

    @abc.abstractmethod
    def reset(self) -> None:
        """Discards what was learned: the next `fit` learns anew."""

    def add_count(self) -> Any:
        """Returns a new weight for the number of rows."""
        return self.add_weight(
            name="count", shape=(), initializer="zeros", dtype="int64", trainable=False
        )


def batches(name: str, data: Any) -> Iterable[tuple[np.ndarray, np.ndarray | None]]:
    """Yields slices of array-like data, or the inputs of batches, each with its mask."""
    if isinstance(data, tf.data.Dataset) and data.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise _checks.InvalidArgument(
            "data",
            f"end, for `{name}` to adapt to",
            data,
            "Give it one pass: `.take(steps)`, or leave out `.repeat()`.",
            got="an infinite dataset",
        )
    is_array = hasattr(data, "shape") or isinstance(data, (list, tuple))
    if not is_array and isinstance(data, Iterable):
        for batch in data:
            yield _array(name, batch[0] if isinstance(batch, tuple) else batch)
        return
    array, mask = _array(name, data)
    row_bytes = max(1, 8 * array[:1].size)
    rows = max(1, _CHUNK_BYTES // row_bytes)
    for start in range(0, len(array), rows):
        piece = slice(start, start + rows)
        yield array[piece], None if mask is None else mask[piece]


def _array(name: str, data: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns data as a NumPy array, with its mask; refuses what NumPy would misread."""
    mask = mask_of(data) if isinstance(data, tf.Tensor) else None
    _checks.refuse_masked("data", data)
    array = np.asarray(data)
    if array.ndim == 0:
        rule = f"be a dense array, or batches of them, for `{name}` to adapt to"
        raise _checks.InvalidArgument("data", rule, data, got=type(data).__name__)
    # NumPy does not know bfloat16 as a number.
    array = array.astype(np.float32) if array.dtype.kind == "V" else array
    return array, None if mask is None else np.asarray(mask)
