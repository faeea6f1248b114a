"""The loss over a plane through the weights, and the way of a training on it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn.playground.network.network import Network, as_column, loss_of
from kerasnn.playground.session.question import Question

_SIDE = 25
_MOST_ROWS = 300
_MARGIN = 0.3
_DIRECTIONS = ("random", "principal")


def loss_surface(question: Question, progress: Callable[[int, int], None]) -> dict[str, Any]:
    """Returns the training loss over two directions through the present weights.

    The directions are the first two principal components of the way of the training; or random,
    each column of a kernel as long as the column of the weights, as in Li et al. (2018),
    arXiv:1712.09913.
    """
    network = question.network()
    weights = network.weights().astype(np.float64)
    path = np.array([*question.path, weights], np.float64) - weights
    chosen = question.options.get("directions", "principal" if len(path) > 3 else "random")
    _checks.one_of("directions", chosen, _DIRECTIONS)
    if chosen == "principal" and len(path) < 3:
        hint = "Train for some epochs first."
        raise _checks.InvalidArgument("directions", "be 'random' without a way", chosen, hint)
    directions = _principal(path) if chosen == "principal" else _random(network, question)
    places = np.linalg.lstsq(directions.T, path.T, rcond=None)[0].T
    (a_low, a_high), (b_low, b_high) = map(_range, places.T)
    values = np.zeros((_SIDE, _SIDE))
    loss = _loss(network, question)
    for row, b in enumerate(np.linspace(b_high, b_low, _SIDE)):
        for column, a in enumerate(np.linspace(a_low, a_high, _SIDE)):
            values[row, column] = loss(weights + a * directions[0] + b * directions[1])
        progress(row + 1, _SIDE)
    return {
        "directions": chosen,
        "values": values,
        "a": [a_low, a_high],
        "b": [b_low, b_high],
        "path": places,
    }


def _principal(path: np.ndarray) -> np.ndarray:
    _, _, components = np.linalg.svd(path - path.mean(axis=0), full_matrices=False)
    found = np.zeros((2, path.shape[1]))
    found[: len(components[:2])] = components[:2]
    return found


def _random(network: Network, question: Question) -> np.ndarray:
    rng = np.random.default_rng(question.configuration.seed)
    found = []
    for _ in range(2):
        parts = []
        for variable in network.drawn_variables:
            values = variable.numpy()
            step = rng.normal(size=values.shape)
            length = np.linalg.norm(step, axis=0)
            parts.append(
                np.ravel(step / np.where(length > 0, length, 1) * np.linalg.norm(values, axis=0))
            )
        found.append(np.concatenate(parts))
    return np.array(found)


def _range(places: np.ndarray) -> tuple[float, float]:
    low, high = min(0.0, float(places.min())), max(0.0, float(places.max()))
    margin = _MARGIN * (high - low) or 1.0
    return low - margin, high + margin


def _loss(network: Network, question: Question) -> Callable[[np.ndarray], float]:
    """Returns the loss of weights on some training rows."""
    model = network.model
    x, y = question.train
    rows = np.linspace(0, len(x) - 1, min(len(x), _MOST_ROWS)).astype(int)
    x = tf.constant(x[rows])
    y = as_column(y[rows])
    measure = loss_of(network)
    trainable = [v.value for v in model.trainable_variables]
    others = [v.value for v in model.non_trainable_variables]
    place = {id(v): i for i, v in enumerate(model.trainable_variables)}
    drawn = [(place[id(v)], tuple(v.shape)) for v in network.drawn_variables]

    def loss(weights: np.ndarray) -> float:
        at, values = 0, list(trainable)
        for i, shape in drawn:
            size = int(np.prod(shape))
            values[i] = tf.constant(weights[at : at + size].reshape(shape), tf.float32)
            at += size
        outputs, _ = model.stateless_call(values, others, x, training=False)
        return float(measure(y, outputs))

    return loss
