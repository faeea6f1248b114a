"""Batched `tf.data` pipelines of data that is not kept in memory."""

import math
from collections.abc import Callable

import tensorflow as tf

_BUFFER_BYTES = 2**28
_BUFFER_ROWS = 10_000


def batches(
    dataset: tf.data.Dataset,
    rows: int,
    batch_size: int,
    *,
    shuffle_seed: int | None = None,
    load: Callable | None = None,
) -> tf.data.Dataset:
    """Returns `dataset`, which yields single examples, in a known number of batches.

    Args:
        dataset: Yields `(x, y)` for one row at a time.
        rows: Number of examples that it yields.
        batch_size: Rows in a batch.
        shuffle_seed: Seed of a new order in each epoch; None keeps the order. The shuffle buffer
            holds 10,000 rows, or fewer if they would take more than 256 MiB.
        load: Converts an element of the dataset into `(x, y)`, after the shuffle.
    """
    if shuffle_seed is not None:
        buffer = max(1, min(rows, _BUFFER_ROWS, _BUFFER_BYTES // _row_bytes(dataset)))
        dataset = dataset.shuffle(buffer, seed=shuffle_seed)
    if load is not None:
        dataset = dataset.map(load, num_parallel_calls=tf.data.AUTOTUNE)
    dataset = dataset.batch(batch_size)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(math.ceil(rows / batch_size)))
    return dataset.prefetch(tf.data.AUTOTUNE)


def _row_bytes(dataset: tf.data.Dataset) -> int:
    return sum(
        spec.shape.num_elements() * max(spec.dtype.size, 1)
        for spec in tf.nest.flatten(dataset.element_spec)
    )
