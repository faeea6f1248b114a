"""`Standardize` layers that have learned nothing yet, and what they are to learn from."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn._core.model import required_inputs, structure
from kerasnn.layers._masks import mask_of, with_mask
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
    """Returns what computes the layer's inputs from a batch, with their mask."""
    inputs = structure(model, "input")
    before = keras.Model(inputs, layer.input)
    first = any(layer.input is tensor for tensor in keras.tree.flatten(inputs))

    def read(x: Any, _: Any) -> Any:
        if first:
            # A model would cast its inputs, and with them the digits that are to be checked.
            matched = _checks.match("x", x, inputs, required=required_inputs(model))
            given = next((array for _, array, tensor in matched if tensor is layer.input), None)
            if isinstance(given, (np.ndarray, tf.Tensor)) and given.ndim == len(layer.input.shape):
                return given
        return before(x, training=False)

    return read


def _targets_of(layer: Standardize, model: keras.Model) -> Reader:
    """Returns what picks the targets of the output that the layer makes, with its mask."""
    outputs = structure(model, "output")
    if not any(layer.output is tensor for tensor in keras.tree.flatten(outputs)):
        raise ValueError(f"{layer.name} makes no output of {model.name}")
    count = len(keras.tree.flatten(outputs))
    names = getattr(model, "output_names", None) or [f"output_{i}" for i in range(count)]
    symbol = mask_of(layer.output)
    # The loss leaves masked targets out, and so do their statistics.
    mask = None if symbol is None else keras.Model(structure(model, "input"), symbol)

    def read(x: Any, targets: Any) -> Any:
        matched = _checks.losses_by_output("y", targets, outputs, names, model.loss)
        array = np.asarray(next(array for _, array, tensor, _ in matched if tensor is layer.output))
        array = array[:, None] if array.ndim < len(layer.output.shape) else array
        return array if mask is None else with_mask(array, mask(x, training=False))

    return read


def _fresh(model: Any) -> list[Standardize]:
    fresh = []
    for layer in getattr(model, "layers", []):
        if isinstance(layer, Standardize) and not layer.adapted:
            fresh.append(layer)
        elif isinstance(layer, keras.Model):
            fresh += _fresh(layer)
    return fresh
