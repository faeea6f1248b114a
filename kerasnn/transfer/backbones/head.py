"""Head after a backbone: pooling, dense layers and the output of the task."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import keras

from kerasnn import _checks
from kerasnn.models import _building_blocks
from kerasnn.tasks import Task
from kerasnn.transfer._model_graph import POOLINGS


@dataclasses.dataclass
class Head:
    """Arguments of a head, checked before the backbone is built.

    Args:
        factory: Makes the layers.
        task: The task.
        outputs: Output units.
        pooling: `"avg"`, `"max"` or `"flatten"`.
        units: Units of each dense hidden layer.
        activation: Activation of the hidden layers.
        dropout: Fraction of each hidden layer's outputs dropped in training.
    """

    factory: _building_blocks.LayerFactory
    task: Task
    outputs: int
    pooling: str
    units: int | Sequence[int]
    activation: Any
    dropout: float | Sequence[float]

    def __post_init__(self) -> None:
        self.task.check_outputs(self.outputs)
        _checks.one_of("pooling", self.pooling, POOLINGS)
        self._widths = _building_blocks.layer_sizes("head", self.units, empty=True)
        self._functions = _building_blocks.layer_activations(self.activation, len(self._widths))
        self._rates = _building_blocks.dropout_rates("dropout", self.dropout, len(self._widths))

    def layers(self, shape: Sequence[int | None]) -> list[keras.layers.Layer]:
        """Returns the layers after a backbone's output, whose shape has no batch axis here.

        Raises:
            InvalidArgument: If the output has an unknown size and is to be flattened.
        """
        flat = self.pooling == "flatten"
        if flat and None in shape:
            raise _checks.InvalidArgument(
                "pooling",
                "be 'avg' or 'max' for images of any size",
                self.pooling,
                "Or give `input_shape` or `resize` in pixels.",
            )
        inputs = math.prod(size or 1 for size in shape) if flat else shape[-1]
        pool = POOLINGS[self.pooling](name="flatten" if flat else "pool")
        hidden = self.factory.hidden(inputs or 1, self._widths, self._functions, self._rates)
        return [pool, *hidden, *self.factory.output(self.outputs, self.task, normalize=True)]
