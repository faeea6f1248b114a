"""Checks of the values in the batches of a stream."""

from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn.training import rows

Names = tuple[str, str, str]


def checked_batches(model: Any, batches: Iterable, names: Names, found: list) -> Iterator:
    """Yields batches, and raises at the first with values that cannot be right.

    Args:
        model: A compiled Keras model.
        batches: What yields `x`, `(x, y)` or `(x, y, sample_weight)`.
        names: What errors call the three.
        found: Takes the error in, since TensorFlow hands on no more than its text.
    """
    for number, batch in enumerate(batches):
        try:
            _check(model, batch, number, names)
        except ValueError as error:
            found.append(error)
            raise
        yield batch


def bad_batch(model: Any, stream: Any, names: Names) -> ValueError | None:
    """Reads a stream again after training on it has failed; returns what its values show.

    To check every batch before it is used would cost a share of each epoch. So the batch, the row
    and the value, which TensorFlow's errors and NaN weights leave out, are looked for when it has
    failed.

    Args:
        model: The model that was trained.
        stream: What it failed on. Only a dataset with an end can be read again.
        names: What errors call inputs, targets and weights.

    Returns:
        The error of the first batch with values that cannot be right, if there is one.
    """
    if isinstance(stream, tf.data.Dataset) and stream.cardinality() != tf.data.INFINITE_CARDINALITY:
        try:
            for _ in checked_batches(model, stream, names, []):
                pass
        except ValueError as error:
            return error
        except tf.errors.OpError:
            return None  # The stream itself fails, as it has said already.
    return None


def _check(model: Any, batch: Any, number: int, names: Names) -> None:
    leaves = [leaf for leaf in keras.tree.flatten(batch) if leaf is not None]
    if not all(isinstance(leaf, (tf.Tensor, np.ndarray)) for leaf in leaves):
        return  # Of sparse and ragged tensors rows know nothing.
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
    try:
        rows.read(model, x, y, sample_weight, names=names)
        rows.require_targets(model, names[1], y)
    except ValueError as error:
        raise ValueError(f"Batch {number} of the stream: {error}") from None
