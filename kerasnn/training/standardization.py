"""`Standardize` layers learn from the training rows of the first `fit`."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from kerasnn.layers import Standardize
from kerasnn.training.rows import is_stream, structure

_BATCH = 1024


def learn_standardization(model: keras.Model, x: Any, y: Any, steps: int | None) -> None:
    """Adapts every `Standardize` layer of a model that has not learned yet.

    Args:
        model: Any Keras model.
        x: Training inputs: arrays, or batches of (inputs, targets).
        y: Training targets, where `x` holds arrays.
        steps: Batches to look at, where `x` is a stream.
    """
    for layer in _fresh(model):
        if hasattr(x, "__next__"):
            raise ValueError(
                f"`{layer.name}` has learned no mean and variance, and a generator can be read "
                f"only once. Call `model.get_layer({layer.name!r}).adapt(...)` before `fit`."
            )
        if layer.invert:
            layer.adapt(_column(batch[1]) for batch in _batches(x, y, steps))
            continue
        try:
            before = keras.Model(structure(model, "input"), layer.input)
        except (AttributeError, ValueError) as error:
            raise ValueError(
                f"`{layer.name}` has learned no mean and variance, and what reaches it inside "
                f"`{model.name}` is not known before training. Call `{layer.name}.adapt(...)` "
                "before `fit`."
            ) from error
        layer.adapt(before(batch[0], training=False) for batch in _batches(x, y, steps))


def _fresh(model: Any) -> list[Standardize]:
    fresh = []
    for layer in getattr(model, "layers", []):
        if isinstance(layer, Standardize) and not layer.adapted:
            fresh.append(layer)
        elif isinstance(layer, keras.Model):
            fresh += _fresh(layer)
    return fresh


def _batches(x: Any, y: Any, steps: int | None) -> Iterator[tuple[Any, Any]]:
    if is_stream(x):
        source = (x[i] for i in range(len(x))) if isinstance(x, keras.utils.PyDataset) else x
        for i, batch in enumerate(source):
            if i == steps:
                return
            inputs, targets, _ = keras.utils.unpack_x_y_sample_weight(batch)
            yield inputs, targets
        return
    count = len(keras.tree.flatten(x)[0])
    for start in range(0, count, _BATCH):
        rows = slice(start, start + _BATCH)
        yield keras.tree.map_structure(lambda a, rows=rows: a[rows], (x, y))


def _column(y: Any) -> np.ndarray:
    array = np.asarray(y)
    return array[:, None] if array.ndim == 1 else array
