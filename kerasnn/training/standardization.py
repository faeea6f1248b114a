"""`Standardize` layers learn from the training rows of the first `fit`."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from kerasnn import _checks
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
    fresh = _fresh(model)
    if fresh and hasattr(x, "__next__"):
        name = fresh[0].name
        raise ValueError(
            f"`{name}` has learned no mean and variance, and a generator can be read only once. "
            f"Call `model.get_layer({name!r}).adapt(...)` before `fit`."
        )
    readers = [_reader(layer, model) for layer in fresh]
    for layer, read in zip(fresh, readers, strict=True):
        layer.adapt(read(*batch) for batch in _batches(x, y, steps))


def _reader(layer: Standardize, model: keras.Model) -> Callable[[Any, Any], Any]:
    """Returns what makes that which a layer learns from out of a batch."""
    try:
        return _targets_of(layer, model) if layer.invert else _inputs_of(layer, model)
    except (AttributeError, ValueError) as error:
        raise ValueError(
            f"`{layer.name}` has learned no mean and variance, and what reaches it inside "
            f"`{model.name}` is not known before training. Call `adapt` of that layer before "
            "`fit`."
        ) from error


def _inputs_of(layer: Standardize, model: keras.Model) -> Callable[[Any, Any], Any]:
    """Returns what computes the layer's inputs from a batch."""
    before = keras.Model(structure(model, "input"), layer.input)
    return lambda inputs, _: before(inputs, training=False)


def _targets_of(layer: Standardize, model: keras.Model) -> Callable[[Any, Any], Any]:
    """Returns what picks the targets of the output that the layer makes."""
    outputs = structure(model, "output")
    if not any(layer.output is tensor for tensor in keras.tree.flatten(outputs)):
        raise ValueError(f"{layer.name} makes no output of {model.name}")
    names = getattr(model, "output_names", None)

    def read(_: Any, targets: Any) -> np.ndarray:
        matched = _checks.match("y", targets, outputs, names)
        array = np.asarray(next(array for _, array, tensor in matched if tensor is layer.output))
        return array[:, None] if array.ndim < len(layer.output.shape) else array

    return read


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
        source = x
        if isinstance(x, keras.utils.PyDataset):
            source = (x[i] for i in range(steps or x.num_batches))
        for i, batch in enumerate(source):
            if i == steps:
                return
            inputs, targets, _ = keras.utils.unpack_x_y_sample_weight(batch)
            yield inputs, targets
        return
    count = len(keras.tree.flatten(x)[0])
    for start in range(0, count, _BATCH):
        rows = slice(start, start + _BATCH)
        part: Any = keras.tree.map_structure(
            lambda a, rows=rows: None if a is None else a[rows], (x, y)
        )
        yield part
