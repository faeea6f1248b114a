"""What is measured of a model at one moment."""

import dataclasses
import math
from typing import Any

import numpy as np

from kerasnn._core.model_outputs import RANGES
from kerasnn.doctor.measure.score import SATURATED, Score


@dataclasses.dataclass(frozen=True)
class LayerVitals:
    """One layer; NaN is what it does not have, or what cannot be known of it.

    Args:
        name: The layer; inside another model `nested/layer`.
        dead: Share of units behind a ReLU that are active on no row.
        saturated: Share of outputs within 1% of an end of the range of a sigmoid or tanh.
        gradient: Norm of the gradient of the loss in its weights.
        update: Norm of the weights' change in one step, next to the norm of the weights.
        zeros: Share of its weights, biases left out, that are zero.
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
class Vitals:
    """A model at one moment.

    Args:
        epoch: How many epochs it had trained for.
        layers: Its layers that have weights or a known activation, from the first to the last.
        update: `LayerVitals.update` of all weights taken together.
        train: Its answers on the training sample, where they can be judged.
        validation: Its answers on the validation sample.
        rate: Its learning rate; NaN where there is no one rate.
    """

    epoch: int
    layers: tuple[LayerVitals, ...]
    update: float
    train: Score | None
    validation: Score | None
    rate: float = math.nan

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> "Vitals":
        """Returns what `dataclasses.asdict` was given."""
        train, validation = (
            state[part] and Score(**state[part]) for part in ("train", "validation")
        )
        layers = tuple(LayerVitals(**layer) for layer in state["layers"])
        return cls(state["epoch"], layers, state["update"], train, validation, state["rate"])

    @property
    def deep(self) -> list[LayerVitals]:
        """The layers with kernels, from the first to the last."""
        return [layer for layer in self.layers if not math.isnan(layer.zeros)]

    @property
    def gradient_ratio(self) -> float:
        """Gradient norm of the last layer with a kernel next to that of the first.

        NaN where there are fewer than two, or no gradient at all.
        """
        norms = [layer.gradient for layer in self.deep]
        if len(norms) < 2 or not max(norms) > 0:
            return math.nan
        return norms[-1] / norms[0] if norms[0] else math.inf


def dead_share(layer: Any, activation: str, output: np.ndarray) -> float:
    """Returns the share of units behind a ReLU that no row makes active; else NaN."""
    if activation not in ("relu", "relu6"):
        return math.nan
    units = 1 if getattr(layer, "data_format", None) == "channels_first" else output.ndim - 1
    others = tuple(axis for axis in range(output.ndim) if axis != units)
    return float((output.max(axis=others) <= 0).mean())


def saturated_share(activation: str, output: np.ndarray) -> float:
    """Returns the share of outputs near an end of a bounded activation's range; else NaN."""
    if activation not in RANGES or activation == "softmax":
        return math.nan
    low, high = RANGES[activation]
    margin = SATURATED * (high - low)
    return float(((output < low + margin) | (output > high - margin)).mean())
