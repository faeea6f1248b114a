"""Healthy runs of every builder on every embedded set, and runs with a fault planted in them."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from sklearn.neighbors import kneighbors_graph

from kerasnn import data, models
from kerasnn.doctor.rules.task import linearly_separable

SETS = (
    *("and", "or", "circles", "moons", "spirals", "gaussians", "sine"),
    *("digits", "iris", "wine", "breast_cancer", "diabetes"),
)
_IMAGES = {
    "digits": (8, 8, 1),
    "iris": (2, 2, 1),
    "breast_cancer": (5, 6, 1),
    "diabetes": (2, 5, 1),
}

Run = tuple[Any, dict[str, Any]]


def healthy_runs(name: str, seed: int) -> Iterator[tuple[str, Run]]:
    """Yields (builder, (model, arguments of `fit`)) for a set."""
    split = data.load(name, seed=seed)
    task, outputs = split.task, split.outputs
    train, held = (split.x_train, split.y_train), (split.x_test, split.y_test)
    yield "mlp", (models.mlp(split.input_shape, outputs, task=task), _arguments(train, held))
    shape = _IMAGES.get(name)
    if shape:
        blocks = (32, 64) if min(shape[:2]) > 3 else (32,)
        yield (
            "cnn",
            (
                models.cnn(shape, outputs, task=task, filters=blocks),
                _arguments(*_shaped(shape, train, held)),
            ),
        )
    steps = (8, 8) if name == "digits" else (int(np.prod(split.input_shape)), 1)
    yield (
        "rnn",
        (models.rnn(steps, outputs, task=task), _arguments(*_shaped(steps, train, held))),
    )
    yield "graph_network", _graph(name, split, train, held)
    if task == "binary" and linearly_separable(np.float64(train[0]), train[1] == 1):
        yield "perceptron", (models.perceptron(split.input_shape), _arguments(train, held))


def _arguments(train: Any, held: Any) -> dict[str, Any]:
    return {"x": train[0], "y": train[1], "validation_data": held}


def _shaped(shape: Any, *parts: Any) -> list[Any]:
    return [(x.reshape(-1, *shape), y) for x, y in parts]


def _graph(name: str, split: Any, train: Any, held: Any) -> Run:
    points, labels = (np.concatenate(pair)[None] for pair in zip(train, held, strict=True))
    points = points.reshape(1, labels.shape[1], -1)
    trained = np.arange(labels.shape[1])[None] < len(train[1])
    edges = np.zeros((1, labels.shape[1], labels.shape[1]), np.float32)
    if name not in ("and", "or"):
        scaled = (points[0] - points[0].mean(axis=0)) / (points[0].std(axis=0) + 1e-9)
        edges[0] = kneighbors_graph(scaled, 5).toarray()
        edges = np.maximum(edges, edges.transpose(0, 2, 1))
    model = models.graph_network(
        points.shape[-1], split.outputs, task=split.task, learning_rate=0.01
    )
    x = {"features": points, "adjacency": edges}
    y = labels if split.task == "multiclass" else labels[..., None]
    weights = np.float32(trained), np.float32(~trained)
    return model, {
        **_arguments((x, y), (x, y, weights[1])),
        "sample_weight": weights[0],
    }


@dataclasses.dataclass(frozen=True)
class Fault:
    """A fault, the name by which it is to be found, and how to plant it."""

    title: str
    finding: str
    plant: Callable[[int], Run]
    epochs: int = 20


def _mlp(name: str, seed: int, **arguments: Any) -> Run:
    split = data.load(name, seed=seed)
    model = models.mlp(split.input_shape, split.outputs, task=split.task, **arguments)
    return model, _arguments((split.x_train, split.y_train), (split.x_test, split.y_test))


def _shuffled(name: str, seed: int) -> Run:
    model, arguments = _mlp(name, seed, learning_rate=0.01)
    rng = np.random.default_rng(seed)
    arguments["y"] = rng.permutation(arguments["y"])
    x, y = arguments["validation_data"]
    return model, {**arguments, "validation_data": (x, rng.permutation(y))}


def _squared(seed: int) -> Run:
    split = data.load("breast_cancer", seed=seed)
    start = keras.initializers.RandomNormal(stddev=4.0, seed=seed)
    model = keras.Sequential(
        [
            keras.Input(split.input_shape),
            keras.layers.Dense(32, "sigmoid", kernel_initializer=start),
            keras.layers.Dense(1, "sigmoid", kernel_initializer=start),
        ]
    )
    model.compile("sgd", loss="mean_squared_error")
    return model, _arguments((split.x_train, split.y_train), (split.x_test, split.y_test))


def _xor(seed: int) -> Run:
    split = data.load("xor", samples=200, seed=seed)
    return models.perceptron(2), _arguments(
        (split.x_train, split.y_train), (split.x_test, split.y_test)
    )


def _exploding(seed: int) -> Run:
    split = data.load("wine", seed=seed)
    start = keras.initializers.RandomNormal(stddev=0.7, seed=seed)
    hidden = [keras.layers.Dense(32, "relu", kernel_initializer=start) for _ in range(10)]
    model = keras.Sequential(
        [keras.Input(split.input_shape), *hidden, keras.layers.Dense(3, "softmax")]
    )
    model.compile(keras.optimizers.SGD(1e-9), loss="sparse_categorical_crossentropy")
    return model, _arguments((split.x_train, split.y_train), (split.x_test, split.y_test))


def _raw_relu(seed: int) -> Run:
    rate = {"optimizer": "sgd", "learning_rate": 1.0}
    return _mlp("digits", seed, normalize=False, **rate)


FAULTS = (
    Fault(
        "10 sigmoid layers",
        "vanishing gradients",
        lambda seed: _mlp("digits", seed, hidden=(32,) * 10, activation="sigmoid"),
        5,
    ),
    Fault("ReLU, SGD at rate 1, raw pixels", "dying ReLU", _raw_relu, 5),
    *(
        Fault(
            f"rate x 1000, {name}",
            "learning rate too high",
            lambda seed, name=name: _mlp(name, seed, learning_rate=1.0),
        )
        for name in ("and", "spirals", "digits", "iris", "wine", "breast_cancer", "diabetes")
    ),
    Fault(
        "rate / 1000",
        "learning rate too low",
        lambda seed: _mlp("digits", seed, learning_rate=1e-6),
    ),
    *(
        Fault(
            f"shuffled labels, {name}",
            "labels shuffled against inputs",
            lambda seed, name=name: _shuffled(name, seed),
            200,
        )
        for name in ("digits", "iris", "wine", "breast_cancer", "diabetes")
    ),
    Fault("squared error, saturated sigmoids", "saturated outputs", _squared),
    Fault("squared error, saturated sigmoids", "loss does not fit the task", _squared),
    Fault("perceptron on xor", "perceptron on data that is not linearly separable", _xor),
    Fault("10 layers of large weights", "exploding gradients", _exploding, 2),
    Fault(
        "10 sigmoid layers",
        "constant predictions",
        lambda seed: _mlp("iris", seed, hidden=(32,) * 10, activation="sigmoid"),
        5,
    ),
    Fault("200 epochs", "overfitting", lambda seed: _mlp("diabetes", seed), 200),
)
