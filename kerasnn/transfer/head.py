"""What stands behind a backbone: pooling, dense layers and the task's output."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import keras

from kerasnn import _checks
from kerasnn.models import parts
from kerasnn.tasks import Task

_POOLINGS = {
    "avg": keras.layers.GlobalAveragePooling2D,
    "max": keras.layers.GlobalMaxPooling2D,
    "flatten": keras.layers.Flatten,
}


@dataclasses.dataclass
class Head:
    """The arguments of a head, checked before a backbone is made.

    Args:
        part: Makes the layers.
        task: What to predict.
        outputs: Output units.
        pooling: `"avg"`, `"max"` or `"flatten"`.
        units: Units of each dense hidden layer.
        activation: Activation of the hidden layers.
        dropout: Share of each hidden layer's outputs dropped in training.
    """

    part: parts.Parts
    task: Task
    outputs: int
    pooling: str
    units: int | Sequence[int]
    activation: Any
    dropout: float | Sequence[float]

    def __post_init__(self) -> None:
        self.task.check_outputs(self.outputs)
        _checks.one_of("pooling", self.pooling, _POOLINGS)
        self._widths = parts.sizes("head", self.units, empty=True)
        self._functions = parts.activations(self.activation, len(self._widths))
        self._rates = parts.rates("dropout", self.dropout, len(self._widths))

    def layers(self, shape: Sequence[int | None]) -> list[keras.layers.Layer]:
        """Returns the layers behind a backbone's output of a shape, without the batch axis.

        Raises:
            ValueError: If the shape is not known where it is flattened.
        """
        flat = self.pooling == "flatten"
        if flat and None in shape:
            raise _checks.InvalidArgument(
                "pooling",
                "be 'avg' or 'max' for images of any size",
                self.pooling,
                "Or give `input_shape`, or `resize`, in pixels.",
            )
        inputs = math.prod(size or 1 for size in shape) if flat else shape[-1]
        pool = _POOLINGS[self.pooling](name="flatten" if flat else "pool")
        hidden = self.part.hidden(inputs or 1, self._widths, self._functions, self._rates)
        return [pool, *hidden, *self.part.output(self.outputs, self.task, normalize=True)]


def before_head(layers: Sequence[keras.layers.Layer]) -> int:
    """Returns how many of a model's layers come before its head, which begins with a pooling.

    Raises:
        ValueError: If no layer pools or flattens.
    """
    for place in range(len(layers) - 1, -1, -1):
        if _pools(layers[place]):
            return place
    raise ValueError(
        "`model` must have a head: a GlobalAveragePooling2D, GlobalMaxPooling2D or Flatten, and "
        "what follows it; none of its layers is one."
    )


def _pools(layer: Any) -> bool:
    """Whether a layer pools, or is a model that ends by it."""
    inner = getattr(layer, "layers", None)
    return _pools(inner[-1]) if inner else isinstance(layer, tuple(_POOLINGS.values()))
