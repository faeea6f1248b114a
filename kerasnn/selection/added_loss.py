"""What a model adds to its loss."""

from typing import Any

import keras


def added_loss(model: Any, x: Any, batch_size: int) -> float:
    """Returns the penalties, on weights and on activations, in a model's loss on some rows.

    As in Keras's `evaluate` they are those of each batch, averaged over the rows.

    Args:
        model: A model that takes its loss from Keras.
        x: Inputs: an array or a structure of arrays.
        batch_size: Rows to a batch.
    """
    rows = len(keras.tree.flatten(x)[0])
    total = 0.0
    for start in range(0, rows, batch_size):
        end = min(start + batch_size, rows)
        part = keras.tree.map_structure(lambda a, s=start, e=end: a[s:e], x)
        model(part, training=False)
        total += (end - start) * float(sum(model.losses))
    return total / rows
