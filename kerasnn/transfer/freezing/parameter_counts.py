"""How much of a model is trained."""

import dataclasses
import math
from typing import Any

import keras


@dataclasses.dataclass(frozen=True)
class Counts:
    """Numbers of a model's parameters, as weights and in layers.

    Args:
        trainable: Parameters that training changes.
        frozen: Parameters that it leaves.
        layers: Layers that training changes.
    """

    trainable: int
    frozen: int
    layers: int

    def __str__(self) -> str:
        """Returns them in words."""
        layers = f"{self.layers} layer{'' if self.layers == 1 else 's'}"
        return f"{self.trainable:,} parameters trainable, in {layers}; {self.frozen:,} frozen"


def counts_of(model: keras.Model, layers: int) -> Counts:
    """Returns the counts of a model, of whose layers so many train."""

    def size(variables: list[Any]) -> int:
        return sum(math.prod(variable.shape) for variable in variables)

    return Counts(size(model.trainable_weights), size(model.non_trainable_weights), layers)
