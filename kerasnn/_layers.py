"""What a model is made of."""

from collections.abc import Iterator
from typing import Any

import keras


def all_layers(model: Any) -> Iterator[keras.layers.Layer]:
    """Yields the layers of a model, and of the models inside it."""
    for layer in getattr(model, "layers", []):
        yield layer
        yield from all_layers(layer)
