"""What stands behind a backbone: pooling, dense layers and the task's output."""

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

    part: _building_blocks.Parts
    task: Task
    outputs: int
    pooling: str
    units: int | Sequence[int]
    activation: Any
    dropout: float | Sequence[float]

    def __post_init__(self) -> None:
        self.task.check_outputs(self.outputs)
        _checks.one_of("pooling", self.pooling, POOLINGS)
        self._widths = _building_blocks.sizes("head", self.units, empty=True)
        self._functions = _building_blocks.activations(self.activation, len(self._widths))
        self._rates = _building_blocks.rates("dropout", self.dropout, len(self._widths))

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
        pool = POOLINGS[self.pooling](name="flatten" if flat else "pool")
        hidden = self.part.hidden(inputs or 1, self._widths, self._functions, self._rates)
        return [pool, *hidden, *self.part.output(self.outputs, self.task, normalize=True)]
