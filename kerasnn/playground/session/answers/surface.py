"""The loss over a plane through the weights, and the way of a training on it."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn.playground.network.network import Network, as_column, loss_of
from kerasnn.playground.network.places import place_of
from kerasnn.playground.session.question import Question

_SIDE = 25
_MOST_ROWS = 300
_MARGIN = 0.3
_DIRECTIONS = ("principal", "start", "weights", "random")


@dataclasses.dataclass(frozen=True)
class _Plane:
    """Two directions through the present weights.

    Attributes:
        directions: `(2, weights)`.
        centre: What the present weights have on the axes.
    """

    directions: np.ndarray
    centre: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(2))


def loss_surface(question: Question, progress: Callable[[int, int], None]) -> dict[str, Any]:
    """Returns the training loss over two directions through the present weights.

    | `directions` | what they are |
    |---|---|
    | `principal` | the first two principal components of the way of the training |
    | `start` | from the first weights to the present ones; what of the way is farthest from it |
    | `weights` | two weights, which are the axes: `weights` names their places |
    | `random` | drawn by `seed`, each column of a kernel as long as that of the weights |

    Reference:
        Li et al. (2018), arXiv:1712.09913.
    """
    network = question.network()
    weights = network.weights().astype(np.float64)
    path = np.array([*question.path, weights], np.float64) - weights
    chosen = question.options.get("directions", "principal" if len(path) > 3 else "random")
    _checks.one_of("directions", chosen, _DIRECTIONS)
    plane = _plane(chosen, path, network, question)
    directions = plane.directions
    places = np.linalg.lstsq(directions.T, path.T, rcond=None)[0].T
    (a_low, a_high), (b_low, b_high) = map(_range, places.T)
    values = np.zeros((_SIDE, _SIDE))
    loss = _loss(network, question)
    for row, b in enumerate(np.linspace(b_high, b_low, _SIDE)):
        for column, a in enumerate(np.linspace(a_low, a_high, _SIDE)):
            values[row, column] = loss(weights + a * directions[0] + b * directions[1])
        progress(row + 1, _SIDE)
    a, b = plane.centre
    return {
        "directions": chosen,
        "values": values,
        "a": [a_low + a, a_high + a],
        "b": [b_low + b, b_high + b],
        "path": places + plane.centre,
    }


def _plane(chosen: Any, path: np.ndarray, network: Network, question: Question) -> _Plane:
    if chosen == "random":
        return _Plane(_random(network, question))
    if chosen == "weights":
        return _of_weights(network, question)
    if len(path) < 3:
        hint = "Train for some epochs first."
        rule = "be 'random' or 'weights' without a way"
        raise _checks.InvalidArgument("directions", rule, chosen, hint)
    return _Plane(_principal(path) if chosen == "principal" else _from_start(path))


def _of_weights(network: Network, question: Question) -> _Plane:
    """Returns the plane of two weights, with their values on the axes."""
    given = question.options.get("weights")
    pair = given if isinstance(given, list) else []
    if len(pair) != 2 or not all(isinstance(each, Mapping) for each in pair):
        rule = "be two places of weights, each with `layer`, `unit` and `input`"
        raise _checks.InvalidArgument("weights", rule, given)
    first, second = (place_of(each, network).index(network) for each in pair)
    if first == second:
        rule = "be two different weights"
        raise _checks.InvalidArgument("weights", rule, given, got="one twice")
    weights = network.weights()
    return _Plane(np.eye(len(weights))[[first, second]], weights[[first, second]].astype(float))


def _principal(path: np.ndarray) -> np.ndarray:
    _, _, components = np.linalg.svd(path - path.mean(axis=0), full_matrices=False)
    found = np.zeros((2, path.shape[1]))
    found[: len(components[:2])] = components[:2]
    return found


def _from_start(path: np.ndarray) -> np.ndarray:
    """Returns the direction from the first weights, and that in which the way leaves it most."""
    first = -path[0] / (np.linalg.norm(path[0]) or 1.0)
    rest = path - np.outer(path @ first, first)
    _, _, components = np.linalg.svd(rest, full_matrices=False)
    return np.array([first, components[0]])


def _random(network: Network, question: Question) -> np.ndarray:
    rng = np.random.default_rng(question.integer("seed", question.configuration.seed, 0, 2**31 - 1))
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
