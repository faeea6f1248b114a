"""What a model is made of."""

from collections.abc import Iterator
from typing import Any

import keras


def all_layers(model: Any) -> Iterator[keras.layers.Layer]:
    """Yields the layers of a model, and of the models inside it."""
    for layer in getattr(model, "layers", []):
        yield layer
        yield from all_layers(layer)


def is_symbolic(model: keras.Model) -> bool:
    """Whether the shapes of inputs and outputs are known before data comes."""
    try:
        return bool(model.inputs) and bool(model.outputs)
    except (AttributeError, ValueError):
        # A Sequential model without an Input, or a subclassed one.
        return False


def structure(model: Any, end: str) -> Any:
    """Returns the symbolic inputs or outputs, in the structure that the model was made of."""
    if isinstance(model, keras.Sequential):
        tensors = getattr(model, f"{end}s")
        return tensors[0] if len(tensors) == 1 else tensors
    return getattr(model, end)


def required_inputs(model: Any) -> list[bool]:
    """Returns for each symbolic input, in the order of `keras.tree.flatten`, if it is required."""
    inputs = [layer for layer in model.layers if isinstance(layer, keras.layers.InputLayer)]
    optional = {id(layer.output) for layer in inputs if layer.optional}
    return [id(tensor) not in optional for tensor in keras.tree.flatten(structure(model, "input"))]
