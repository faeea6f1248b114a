"""The data that the adaptive layers inside a model learn from."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn._core.model import required_inputs, structure
from kerasnn.layers._adaptive import AdaptiveLayer
from kerasnn.layers._masks import mask_of, with_mask

# Returns the adaptation data of one layer from a batch of inputs and targets.
Reader = Callable[[Any, Any], Any]


def not_adapted(model: keras.Model) -> list[tuple[AdaptiveLayer, Reader]]:
    """Returns the layers that have learned nothing yet, each with a reader of its data.

    The inputs of a layer depend on the layers in front of it: adapt them in this order.

    Raises:
        ValueError: If the inputs of a layer are not known before training.
    """
    return [(layer, _reader(layer, model)) for layer in _layers(model, adapted=False)]


def adapted_to_inputs(model: keras.Model) -> list[tuple[AdaptiveLayer, Reader]]:
    """Returns the layers that have learned from inputs of the model, each with a reader of them."""
    inputs = getattr(model, "inputs", None) or []
    return [
        (layer, _reader(layer, model))
        for layer in _layers(model, adapted=True)
        if not layer.learns_targets and any(layer.input is tensor for tensor in inputs)
    ]


def _layers(model: Any, *, adapted: bool) -> list[AdaptiveLayer]:
    found = []
    for layer in getattr(model, "layers", []):
        if isinstance(layer, AdaptiveLayer) and bool(layer.adapted) == adapted:
            found.append(layer)
        elif isinstance(layer, keras.Model):
            found += _layers(layer, adapted=adapted)
    return found


def _reader(layer: AdaptiveLayer, model: keras.Model) -> Reader:
    try:
        return _targets_of(layer, model) if layer.learns_targets else _inputs_of(layer, model)
    except (AttributeError, ValueError) as error:
        raise ValueError(
            f"`{layer.name}` has learned nothing yet, and what reaches it inside "
            f"`{model.name}` is not known before training. Call `adapt` of that layer before "
            "`fit`."
        ) from error


def _inputs_of(layer: AdaptiveLayer, model: keras.Model) -> Reader:
    """Returns a function that computes the layer's inputs, with their mask, from a batch."""
    inputs = structure(model, "input")
    in_front = keras.Model(inputs, layer.input)
    is_first = any(layer.input is tensor for tensor in keras.tree.flatten(inputs))

    def read(x: Any, _: Any) -> Any:
        if is_first:
            # A model would cast its inputs, and drop the digits that are to be checked.
            matched = _checks.match("x", x, inputs, required=required_inputs(model))
            given = next((array for _, array, tensor in matched if tensor is layer.input), None)
            if isinstance(given, (np.ndarray, tf.Tensor)) and given.ndim == len(layer.input.shape):
                return given
        return in_front(x, training=False)

    return read


def _targets_of(layer: AdaptiveLayer, model: keras.Model) -> Reader:
    """Returns a function that picks the targets, with their mask, of the layer's output."""
    outputs = structure(model, "output")
    if not any(layer.output is tensor for tensor in keras.tree.flatten(outputs)):
        raise ValueError(f"{layer.name} makes no output of {model.name}")
    count = len(keras.tree.flatten(outputs))
    names = getattr(model, "output_names", None) or [f"output_{i}" for i in range(count)]
    symbol = mask_of(layer.output)
    # The loss ignores masked targets, and so do their statistics.
    mask = None if symbol is None else keras.Model(structure(model, "input"), symbol)

    def read(x: Any, targets: Any) -> Any:
        matched = _checks.losses_by_output("y", targets, outputs, names, model.loss)
        array = np.asarray(next(array for _, array, tensor, _ in matched if tensor is layer.output))
        array = array[:, None] if array.ndim < len(layer.output.shape) else array
        return array if mask is None else with_mask(array, mask(x, training=False))

    return read
