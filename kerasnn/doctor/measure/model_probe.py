"""Takes a model's vitals without leaving a trace in it."""

import math
from collections import defaultdict
from typing import Any

import numpy as np

from kerasnn._core import model_outputs
from kerasnn._core.model import unchanged
from kerasnn.autodiff.gradients import by_weight, norms, trained
from kerasnn.doctor.measure.layer_outputs import Signals
from kerasnn.doctor.measure.measurements import LayerVitals, Vitals, dead_share, saturated_share
from kerasnn.doctor.measure.score import Score, score
from kerasnn.doctor.measure.training_sample import Sample

Weights = dict[str, list[np.ndarray]]


class Probe:
    """Runs a model on a sample in inference: nothing is dropped and nothing learned.

    It runs eagerly: tracing a program costs as much as some tens of such runs.

    Args:
        model: A compiled Keras model. Of one that computes by Python of its own, what happens
            between its layers is not known.
        train: Rows that it trains on.
        validation: Rows that it does not.
    """

    def __init__(self, model: Any, train: Sample, validation: Sample | None = None) -> None:
        self._model, self._train, self._validation = model, train, validation
        self._signals = Signals(model)

    def weights(self) -> Weights:
        """Returns a copy of the weights that are trained, by layer."""
        weights = defaultdict(list)
        for name, weight in trained(self._model):
            weights[name].append(np.array(weight))
        return weights

    def rate(self) -> float:
        """Returns the learning rate of the next step, or NaN where there is no one rate."""
        try:
            return float(self._model.optimizer.learning_rate)
        except (AttributeError, TypeError, ValueError):
            return math.nan

    def score(self) -> Score | None:
        """Returns how good the answers on the training sample are."""
        with unchanged(self._model):
            return score(self._model, self._train, self._run(self._train.x)[0])

    def vitals(self, epoch: int, before: Weights | None = None, steps: int = 0) -> Vitals:
        """Measures.

        Args:
            epoch: Number of epochs that the model has trained for.
            before: Its weights some steps ago.
            steps: How many steps.
        """
        with unchanged(self._model):
            return self._vitals(epoch, before, steps)

    def _vitals(self, epoch: int, before: Weights | None, steps: int) -> Vitals:
        x, y = self._train.x, self._train.y
        answers, activity = self._run(x)
        weights = self.weights()
        gradients = norms(by_weight(self._model, x, y, self._train.sample_weight))
        updates = _updates(weights, before, steps)
        order = [layer.name for layer in self._model.layers]
        names = sorted({*gradients, *activity}, key=lambda name: _place(name, order))
        layers = [
            LayerVitals(
                name,
                **activity.get(name, {}),
                gradient=gradients.get(name, math.nan),
                update=updates.get(name, math.nan),
                zeros=_zeros(weights.get(name, [])),
                weights=_norm(weights[name]) if name in weights else math.nan,
            )
            for name in names
        ]
        held = None
        if self._validation is not None:
            held = score(self._model, self._validation, self._run(self._validation.x)[0])
        return Vitals(
            epoch,
            tuple(layers),
            updates[""],
            score(self._model, self._train, answers),
            held,
            self.rate(),
        )

    def _run(self, x: Any) -> tuple[Any, dict[str, dict[str, float]]]:
        """Returns the outputs of the model, and what the layers' outputs tell, by layer."""
        answers, made = self._signals(x)
        activity = {}
        for layer, output in made:
            activation, array = model_outputs.activation_of(layer), np.asarray(output)
            activity[layer.name] = {
                "dead": dead_share(layer, activation, array),
                "saturated": saturated_share(activation, array),
            }
        return answers, activity


def _place(name: str, order: list[str]) -> int:
    first = name.partition("/")[0]
    return order.index(first) if first in order else len(order)


def _updates(weights: Weights, before: Weights | None, steps: int) -> dict[str, float]:
    """Returns the change in a step next to the weights, by layer, and of all under `""`."""
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
