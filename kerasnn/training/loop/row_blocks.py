"""Blocks of training rows, and the shuffled order of each epoch."""

import random
from typing import Any

import numpy as np
import tensorflow as tf

from kerasnn.training.inputs.tensors import as_tensors, hide_none
from kerasnn.training.programs.replicas.shares import Share

_GATHERED_BYTES = 32 << 20
# XLA takes longer to find a row by its index than to copy one that is smaller than the first
# limit, unless all rows together stay in the cache, which they do up to the second.
_SMALL_ROW_BYTES = 1 << 10
_CACHED_BYTES = 1 << 19
_ORDER_NUMBERS = 1 << 19
_MOST_EPOCHS = 256


def batch_spec(data: Any) -> Any:
    """Returns the types of one batch of any size.

    Args:
        data: Structure of arrays or tensors with one row an example; may hold None.
    """
    return tf.nest.map_structure(
        lambda a: tf.TensorSpec((None, *a.shape[1:]), a.dtype), hide_none(data)
    )


def shuffled_order(rows: int, seed: Any, epoch: int) -> np.ndarray:
    """Returns the indices of all rows in the order of one epoch, which follows from the seed."""
    generator = np.random.Generator(np.random.PCG64([seed, epoch]))
    return generator.permutation(rows).astype(np.int32)


class RowBlocks:
    """Cuts training into blocks of several epochs, or of a slice of one.

    The order of an epoch's rows depends on the seed and the epoch's number alone. A block holds
    rows and their order, in one of two layouts.

    - For a graph: `(rows, order)`, where the order holds the indices of the rows.
    - For XLA: a pair, of full batches and of remainders, both of one size for all blocks; a last
      block is filled up with rows that are not trained on. Each is `(rows, order)` with an order
      of shape `(steps, batch)` or `(epochs, remainder)`; or, if rows are small and many or have to
      be copied to a GPU, `(gathered,)`: the rows themselves, in that shape and order.

    Args:
        data: Structure of arrays with one row an example.
        rows: Number of rows, of all workers where each has a share of them.
        batch_size: Batch size, likewise.
        shuffle: Whether each epoch has a new order.
        seed: Seed of the orders; by default drawn from Python's `random`, which
            `keras.utils.set_random_seed` seeds.
        share: The share that `data` is of the rows, which are shuffled within it; by default, all.
    """

    def __init__(
        self,
        data: Any,
        *,
        rows: int,
        batch_size: int = 32,
        shuffle: bool = False,
        seed: int | None = None,
        share: Share | None = None,
    ) -> None:
        self.rows = rows
        self.batch_size = min(batch_size, rows)
        self.steps = -(-rows // self.batch_size)
        self._shuffle = shuffle
        self._seed: Any = random.getrandbits(32) if shuffle and seed is None else seed
        self._positions = None if share is None else share.positions(self.batch_size)
        self._data = as_tensors(hide_none(data))
        self.batch_spec = batch_spec(data)
        self.spec_text = str(self.batch_spec)
        leaves = tf.nest.flatten(self._data)
        row_bytes = sum(t.dtype.size * (t.shape[1:].num_elements() or 1) for t in leaves)
        on_gpu = bool(tf.config.list_physical_devices("GPU"))
        small_and_many = row_bytes <= _SMALL_ROW_BYTES and rows * row_bytes > _CACHED_BYTES
        self._gathers = on_gpu or small_and_many
        # Either one or more whole epochs fit into a block, or slices of one do.
        rows_to_gather = max(1, _GATHERED_BYTES // max(1, row_bytes))
        slices = -(-rows // rows_to_gather) if self._gathers else 1
        self.steps_per_slice = -(-self.steps // slices)
        rows_to_order = rows_to_gather if self._gathers else _ORDER_NUMBERS
        self.epochs = min(max(1, rows_to_order // rows), _MOST_EPOCHS)

    @property
    def key(self) -> tuple[Any, ...]:
        """Types and sizes, for which XLA compiles."""
        return self.spec_text, self.rows, self.batch_size, self.epochs

    @property
    def xla_layout(self) -> tuple[Any, ...]:
        """Sizes that a trace for XLA depends on."""
        return self._gathers, self.batch_size, bool(self.rows % self.batch_size)

    def for_graph(self, first: int, count: int) -> Any:
        """Returns the block of some epochs, as a graph reads it."""
        return self._data, as_tensors(self._orders(first, count, count).ravel())

    def slice_for_graph(self, epoch: int, start: int) -> Any:
        """Returns the block of one slice of an epoch from step `start` on, as a graph reads it."""
        order = self._slice(epoch, start)
        return self._gather(order), tf.range(len(order))

    def for_xla(self, first: int, count: int) -> Any:
        """Returns the block of some epochs, as XLA reads it."""
        orders = self._orders(first, count, self.epochs)
        whole, rest = np.split(orders, [self.rows - self.rows % self.batch_size], axis=1)
        whole = whole.reshape(-1, self.batch_size)
        if self._gathers:
            return (self._gather(whole),), (self._gather(rest),)
        return (self._data, as_tensors(whole)), (self._data, as_tensors(rest))

    def slice_for_xla(self, epoch: int, start: int) -> Any:
        """Returns the block of one slice of an epoch from step `start` on, as XLA reads it."""
        size = self.steps_per_slice * self.batch_size
        order, rest = self._slice(epoch, start), self.rows % self.batch_size
        whole = order[: len(order) - len(order) % self.batch_size]
        whole = np.pad(whole, (0, size - len(whole))).reshape(-1, self.batch_size)
        return (self._gather(whole),), (self._gather(order[None, len(order) - rest :]),)

    def _orders(self, first: int, count: int, room: int) -> np.ndarray:
        """Returns the orders of some epochs, one a row, filled up with zeros to `room` rows."""
        orders = np.zeros((room, self.rows), np.int32)
        for i in range(count):
            orders[i] = self._order(first + i)
        return orders

    def _slice(self, epoch: int, start: int) -> np.ndarray:
        size = self.steps_per_slice * self.batch_size
        return self._order(epoch)[start * self.batch_size :][:size]

    def _gather(self, order: np.ndarray) -> Any:
        # The gathered rows fit on a GPU; all of the data need not.
        with tf.device("CPU:0"):
            return tf.nest.map_structure(lambda t: tf.gather(t, order), self._data)

    def _order(self, epoch: int) -> np.ndarray:
        if self._positions is None:
            return self._order_of(self.rows, epoch)
        # The rows of other workers, of which the step takes none, are given as the first one here.
        order = np.zeros(self.rows, np.int32)
        order[self._positions] = self._order_of(len(self._positions), epoch)
        return order

    def _order_of(self, rows: int, epoch: int) -> np.ndarray:
        if not self._shuffle:
            return np.arange(rows, dtype=np.int32)
        return shuffled_order(rows, self._seed, epoch)
