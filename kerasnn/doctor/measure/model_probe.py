"""Measurement of a model that leaves it unchanged."""

import math
from collections import defaultdict
from typing import Any

import numpy as np

from kerasnn._core import model_outputs
from kerasnn._core.model import unchanged
from kerasnn.autodiff.gradients import by_weight, norms, trained
from kerasnn.doctor.measure.layer_outputs import LayerOutputs
from kerasnn.doctor.measure.measurements import (
    LayerMeasurements,
    Measurements,
    dead_fraction,
    saturated_fraction,
)
from kerasnn.doctor.measure.score import Score, score
from kerasnn.doctor.measure.training_sample import TrainingSample

Weights = dict[str, list[np.ndarray]]


class ModelProbe:
    """Measures a model on a sample, in inference: nothing is dropped and nothing is learned.

    It runs eagerly: tracing a program costs as much as tens of runs.

    Args:
        model: A compiled Keras model. The layers' outputs of a subclassed model with a `call` of
            its own are not known.
        train: Training rows.
        validation: Validation rows, or None.
    """

    def __init__(
        self, model: Any, train: TrainingSample, validation: TrainingSample | None = None
    ) -> None:
        self._model, self._train, self._validation = model, train, validation
        self._layer_outputs = LayerOutputs(model)

    def weights(self) -> Weights:
        """Returns a copy of the trainable weights, by layer."""
        weights = defaultdict(list)
        for name, weight in trained(self._model):
            weights[name].append(np.array(weight))
        return weights

    def rate(self) -> float:
        """Returns the learning rate of the next step, or NaN where there are several or none."""
        try:
            return float(np.asarray(self._model.optimizer.learning_rate))
        except (AttributeError, TypeError, ValueError):
            return math.nan

    def score(self) -> Score | None:
        """Returns the score of the predictions on the training sample, or None."""
        with unchanged(self._model):
            return score(self._model, self._train, self._run(self._train.x)[0])

    def measure(self, epoch: int, before: Weights | None = None, steps: int = 0) -> Measurements:
        """Returns measurements.

        Args:
            epoch: Number of epochs that the model has trained for.
            before: The weights some steps ago, or None.
            steps: Number of these steps.
        """
        with unchanged(self._model):
            return self._measure(epoch, before, steps)

    def _measure(self, epoch: int, before: Weights | None, steps: int) -> Measurements:
        x, y = self._train.x, self._train.y
        predictions, activity = self._run(x)
        weights = self.weights()
        gradients = norms(by_weight(self._model, x, y, self._train.sample_weight))
        updates = _updates(weights, before, steps)
        order = [layer.name for layer in self._model.layers]
        names = sorted({*gradients, *activity}, key=lambda name: _position(name, order))
        layers = [
            LayerMeasurements(
                name,
                **activity.get(name, {}),
                gradient=gradients.get(name, math.nan),
                update=updates.get(name, math.nan),
                zeros=_zeros(weights.get(name, [])),
                weights=_norm(weights[name]) if name in weights else math.nan,
            )
            for name in names
        ]
        validation = None
        if self._validation is not None:
            validation = score(self._model, self._validation, self._run(self._validation.x)[0])
        return Measurements(
            epoch,
            tuple(layers),
            updates[""],
            score(self._model, self._train, predictions),
            validation,
            self.rate(),
        )

    def _run(self, x: Any) -> tuple[Any, dict[str, dict[str, float]]]:
        """Returns the predictions, and dead and saturated fractions by layer."""
        predictions, outputs = self._layer_outputs(x)
        activity = {}
        for layer, output in outputs:
            activation, array = model_outputs.activation_of(layer), np.asarray(output)
            activity[layer.name] = {
                "dead": dead_fraction(layer, activation, array),
                "saturated": saturated_fraction(activation, array),
            }
        return predictions, activity


def _position(name: str, order: list[str]) -> int:
    first = name.partition("/")[0]
    return order.index(first) if first in order else len(order)


def _updates(weights: Weights, before: Weights | None, steps: int) -> dict[str, float]:
    """Returns the change in a step relative to the weights, by layer; under `""` that of all."""
    if not before or not steps:
        return {"": math.nan}
    pairs = {
        name: [(a, b) for a, b in zip(weights[name], before[name], strict=True)]
        for name in weights
        if name in before and [a.shape for a in weights[name]] == [b.shape for b in before[name]]
    }
    pairs[""] = [pair for name in pairs for pair in pairs[name]]
    updates = {}
    for name, both in pairs.items():
        size = _norm([b for _, b in both])
        updates[name] = _norm([a - b for a, b in both]) / size / steps if size else math.nan
    return updates


def _norm(arrays: list[np.ndarray]) -> float:
    return math.sqrt(sum(float(np.sum(array.astype(np.float64) ** 2)) for array in arrays))


def _zeros(arrays: list[np.ndarray]) -> float:
    kernels = [array for array in arrays if array.ndim > 1]
    if not kernels:
        return math.nan
    return sum(int((kernel == 0).sum()) for kernel in kernels) / sum(k.size for k in kernels)
