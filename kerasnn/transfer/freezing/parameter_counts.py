"""Counts of trainable and frozen parameters."""

import dataclasses
import math
from typing import Any

import keras


@dataclasses.dataclass(frozen=True)
class Counts:
    """Numbers of trainable and frozen parameters of a model.

    Args:
        trainable: Parameters that training changes.
        frozen: All other parameters.
        layers: Layers with trainable parameters.
    """

    trainable: int
    frozen: int
    layers: int

    def __str__(self) -> str:
        """Returns the counts as a sentence."""
        layers = f"{self.layers} layer{'' if self.layers == 1 else 's'}"
        return f"{self.trainable:,} parameters trainable, in {layers}; {self.frozen:,} frozen"


def counts_of(model: keras.Model, layers: int) -> Counts:
    """Returns the counts of a model with a number of trainable layers."""

    def size(variables: list[Any]) -> int:
        return sum(math.prod(variable.shape) for variable in variables)

    return Counts(size(model.trainable_weights), size(model.non_trainable_weights), layers)
