"""Measurements of a model and its layers at one moment."""

import dataclasses
import math
from typing import Any

import keras
import numpy as np

from kerasnn._core.model_outputs import RANGES
from kerasnn.doctor.measure.score import SATURATED, Score


@dataclasses.dataclass(frozen=True)
class LayerMeasurements:
    """Measurements of one layer; NaN where it has no such thing, or it cannot be known.

    Args:
        name: Name of the layer; inside another model `nested/layer`.
        dead: Fraction of units behind a ReLU that are active on no row.
        saturated: Fraction of outputs within 1% of an end of the range of a sigmoid or tanh.
        gradient: Norm of the gradient of the loss with respect to its weights.
        update: Norm of the weights' change in one step, divided by the norm of the weights.
        zeros: Fraction of its weights, without biases, that are zero.
        weights: Norm of its weights.
    """

    name: str
    dead: float = math.nan
    saturated: float = math.nan
    gradient: float = math.nan
    update: float = math.nan
    zeros: float = math.nan
    weights: float = math.nan


@dataclasses.dataclass(frozen=True)
class Measurements:
    """Measurements of a model at one moment.

    Args:
        epoch: Number of epochs trained.
        layers: The layers that have weights or a known activation, from first to last.
        update: `LayerMeasurements.update` of all weights taken together.
        train: Score of the predictions on the training sample, or None.
        validation: Score of the predictions on the validation sample, or None.
        rate: Learning rate; NaN where there are several or none.
    """

    epoch: int
    layers: tuple[LayerMeasurements, ...]
    update: float
    train: Score | None
    validation: Score | None
    rate: float = math.nan

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> "Measurements":
        """Builds the object from the dictionary that `dataclasses.asdict` returns."""
        train, validation = (
            state[part] and Score(**state[part]) for part in ("train", "validation")
        )
        layers = tuple(LayerMeasurements(**layer) for layer in state["layers"])
        return cls(state["epoch"], layers, state["update"], train, validation, state["rate"])

    @property
    def deep(self) -> list[LayerMeasurements]:
        """The layers with kernels, from the first to the last."""
        return [layer for layer in self.layers if not math.isnan(layer.zeros)]

    @property
    def gradient_ratio(self) -> float:
        """Gradient norm of the last layer with a kernel divided by that of the first.

        NaN where there are fewer than two, or no gradient at all.
        """
        norms = [layer.gradient for layer in self.deep]
        if len(norms) < 2 or not max(norms) > 0:
            return math.nan
        return norms[-1] / norms[0] if norms[0] else math.inf


def dead_fraction(layer: Any, activation: str, output: np.ndarray) -> float:
    """Returns the fraction of units behind a ReLU that no row makes active; else NaN."""
    if activation not in ("relu", "relu6"):
        return math.nan
    units = _unit_axes(layer, output.ndim)
    others = tuple(axis for axis in range(output.ndim) if axis not in units)
    return float((output.max(axis=others) <= 0).mean())


def _unit_axes(layer: Any, ndim: int) -> list[int]:
    """Returns the axes of an output along which weights differ."""
    if isinstance(layer, keras.layers.EinsumDense):
        operands, _, result = layer.equation.replace(" ", "").partition("->")
        kernel = operands.partition(",")[2]
        letters = result.replace("...", "")
        start = ndim - len(letters) if result.startswith("...") else 0
        return [start + i for i, letter in enumerate(letters) if letter in kernel]
    return [1 if getattr(layer, "data_format", None) == "channels_first" else ndim - 1]


def saturated_fraction(activation: str, output: np.ndarray) -> float:
    """Returns the fraction of outputs near an end of a bounded activation's range; else NaN."""
    if activation not in RANGES or activation == "softmax":
        return math.nan
    low, high = RANGES[activation]
    margin = SATURATED * (high - low)
    return float(((output < low + margin) | (output > high - margin)).mean())
