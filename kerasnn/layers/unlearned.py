"""`Standardize` layers that have learned nothing yet, and what they are to learn from."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kerasnn import _checks
from kerasnn._layers import structure
from kerasnn.layers.standardize import Standardize

# Makes that which a layer learns from out of inputs and targets.
Reader = Callable[[Any, Any], Any]


def unlearned(model: keras.Model) -> list[tuple[Standardize, Reader]]:
    """Returns the layers that have not learned yet, each with what reads its data from a batch.

    What reaches a layer depends on those before it: let them learn in this order.

    Raises:
        ValueError: If it is not known what reaches a layer.
    """
    return [(layer, _reader(layer, model)) for layer in _fresh(model)]


def _reader(layer: Standardize, model: keras.Model) -> Reader:
    """Returns what makes that which a layer learns from out of a batch."""
    try:
        return _targets_of(layer, model) if layer.invert else _inputs_of(layer, model)
    except (AttributeError, ValueError) as error:
        raise ValueError(
            f"`{layer.name}` has learned no mean and variance, and what reaches it inside "
            f"`{model.name}` is not known before training. Call `adapt` of that layer before "
            "`fit`."
        ) from error


def _inputs_of(layer: Standardize, model: keras.Model) -> Reader:
    """Returns what computes the layer's inputs from a batch."""
    before = keras.Model(structure(model, "input"), layer.input)
    return lambda inputs, _: before(inputs, training=False)


def _targets_of(layer: Standardize, model: keras.Model) -> Reader:
    """Returns what picks the targets of the output that the layer makes."""
    outputs = structure(model, "output")
    if not any(layer.output is tensor for tensor in keras.tree.flatten(outputs)):
        raise ValueError(f"{layer.name} makes no output of {model.name}")
    count = len(keras.tree.flatten(outputs))
    names = getattr(model, "output_names", None) or [f"output_{i}" for i in range(count)]

    def read(_: Any, targets: Any) -> np.ndarray:
        matched = _checks.losses_by_output("y", targets, outputs, names, model.loss)
        array = np.asarray(next(array for _, array, tensor, _ in matched if tensor is layer.output))
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
