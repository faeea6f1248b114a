"""Blocks of rows, in the order in which they are trained on."""

import random
from typing import Any

import numpy as np
import tensorflow as tf

_BLOCK_BYTES = 32 << 20
_MOST_EPOCHS = 256


class Blocks:
    """Gathers the rows of several epochs, or of a slice of one, into one structure of tensors.

    The order of an epoch's rows depends on the seed and the epoch's number alone. There are two
    layouts. A graph takes rows one after the other, `(rows, ...)`. XLA takes a pair: whole
    batches, `(steps, batch, ...)`, and the remainders, `(epochs, remainder, ...)`, both of one
    size for all blocks; what a last block lacks is filled with rows that are not trained on.

    Args:
        data: Structure of arrays with one row an example.
        rows: Number of rows.
        batch_size: Rows to a step.
        shuffle: Whether each epoch has an order of its own.
        seed: Seed of the orders; by default drawn from Python's `random`, which
            `keras.utils.set_random_seed` seeds.
    """

    def __init__(
        self,
        data: Any,
        *,
        rows: int,
        batch_size: int = 32,
        shuffle: bool = False,
        seed: int | None = None,
    ) -> None:
        self.rows = rows
        self.batch_size = min(batch_size, rows)
        self.steps = -(-rows // self.batch_size)
        self._shuffle = shuffle
        self._seed: Any = random.getrandbits(32) if shuffle and seed is None else seed
        # The whole of the data need not fit on a GPU; a block does.
        with tf.device("CPU:0"):
            self._data = tf.nest.map_structure(tf.convert_to_tensor, data)
        leaves = tf.nest.flatten(self._data)
        # The structure, sizes and types of a row, in a form that can be compared.
        self.spec = str(tf.nest.map_structure(lambda t: (t.shape[1:], t.dtype), self._data))
        row_bytes = sum(t.dtype.size * (t.shape[1:].num_elements() or 1) for t in leaves)
        rows_that_fit = max(1, _BLOCK_BYTES // max(1, row_bytes))
        # Either one or more whole epochs fit into a block, or slices of one do.
        self.epochs = min(max(1, rows_that_fit // rows), _MOST_EPOCHS)
        self.steps_to_a_slice = -(-self.steps // -(-rows // rows_that_fit))

    def first_batch(self) -> Any:
        """Returns as many of the first rows as there are in a batch."""
        return tf.nest.map_structure(lambda t: t[: self.batch_size], self._data)

    def of_epochs(self, first: int, count: int, *, jit: bool) -> Any:
        """Returns the rows of whole epochs one after the other."""
        orders = np.stack([self._order(first + i) for i in range(count)])
        if not jit:
            return self._gather(orders.ravel())
        orders = np.pad(orders, ((0, self.epochs - count), (0, 0)))
        whole, rest = np.split(orders, [self.rows - self.rows % self.batch_size], axis=1)
        return self._gather(whole.reshape(-1, self.batch_size)), self._gather(rest)

    def of_slice(self, epoch: int, start: int, *, jit: bool) -> Any:
        """Returns the rows of one slice of an epoch, from step `start` on."""
        size = self.steps_to_a_slice * self.batch_size
        order = self._order(epoch)[start * self.batch_size :][:size]
        if not jit:
            return self._gather(order)
        rest = self.rows % self.batch_size
        whole = order[: len(order) - len(order) % self.batch_size]
        whole = np.pad(whole, (0, size - len(whole))).reshape(-1, self.batch_size)
        return self._gather(whole), self._gather(order[None, len(order) - rest :])

    def _order(self, epoch: int) -> np.ndarray:
        if not self._shuffle:
            return np.arange(self.rows, dtype=np.int32)
        generator = np.random.default_rng([self._seed, epoch])
        return generator.permutation(self.rows).astype(np.int32)

    def _gather(self, order: np.ndarray) -> Any:
        with tf.device("CPU:0"):
            return tf.nest.map_structure(lambda t: tf.gather(t, order), self._data)
