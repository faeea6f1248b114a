"""`fit` refuses weights of classes and of rows that cannot be right, before it trains."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasnn
from tests.helpers.engine_cases import changed

ROWS = 12
X = np.random.default_rng(0).normal(size=(ROWS, 3)).astype("float32")
CLASSES = np.arange(ROWS) % 3
ONES = np.ones(ROWS)
EVEN = {0: 1.0, 1: 1.0, 2: 1.0}


def classifier():
    return kerasnn.models.mlp(3, 3, task="multiclass", hidden=(), seed=0)


WEIGHTS = {
    "a class without a weight": (
        {"class_weight": {0: 1.0, 2: 1.0}},
        "class_weight",
    ),
    "a class that does not exist": (
        {"class_weight": {**EVEN, 3: 1.0}},
        "class_weight",
    ),
    "a negative class": (
        {"class_weight": {**EVEN, -1: 1.0}},
        "class_weight",
    ),
    "the name of a class": (
        {"class_weight": {"0": 1.0}},
        "class_weight",
    ),
    "a truth value as a class": (
        {"class_weight": {False: 1.0, True: 1.0}},
        "class_weight",
    ),
    "a negative class weight": (
        {"class_weight": {**EVEN, 1: -1.0}},
        "class_weight",
    ),
    "a class weight that is nan": (
        {"class_weight": {**EVEN, 1: np.nan}},
        "class_weight",
    ),
    "no dictionary": (
        {"class_weight": [1.0, 1.0, 1.0]},
        "class_weight",
    ),
    "weights of classes and of rows": (
        {"class_weight": EVEN, "sample_weight": ONES},
        "class_weight",
    ),
    "a negative row weight": (
        {"sample_weight": changed(ONES, 5, -0.5)},
        "sample_weight",
    ),
    "a row weight that is nan": (
        {"sample_weight": changed(ONES, 5, np.nan)},
        "sample_weight",
    ),
    "several weights a row": (
        {"sample_weight": np.ones((ROWS, 2))},
        "sample_weight",
    ),
    "weights in words": (
        {"sample_weight": np.array(["much"] * ROWS)},
        "sample_weight",
    ),
}


@pytest.mark.parametrize(("arguments", "argument"), WEIGHTS.values(), ids=WEIGHTS)
def test_weights(refuses, arguments, argument):
    model = classifier()
    with refuses(model, argument=argument):
        model.fit(X, CLASSES, **arguments, verbose=0)


@pytest.mark.parametrize(
    ("model", "y"),
    [
        (lambda: kerasnn.models.mlp(3, task="regression", hidden=()), X[:, 0]),
        (lambda: kerasnn.models.mlp(3, 3, task="multilabel", hidden=()), np.eye(3)[CLASSES]),
    ],
    ids=["regression", "multilabel"],
)
def test_class_weights_without_classes(refuses, model, y):
    model = model()
    with refuses(
        model,
        argument="class_weight",
    ):
        model.fit(X, y, class_weight=EVEN, verbose=0)


def test_class_weights_of_nodes(refuses):
    """Keras would weigh a whole graph by the class that its largest label stands at."""
    model = kerasnn.models.graph_network(3, 2, task="multiclass", seed=0)
    graphs = {"features": np.ones((2, 4, 3)), "adjacency": np.zeros((2, 4, 4))}
    with refuses(model, argument="class_weight"):
        model.fit(graphs, [[0, 1, 0, 1], [0, 1, 1, 0]], class_weight={0: 1, 1: 2}, verbose=0)


def test_class_weights_of_a_stream(refuses):
    batches = tf.data.Dataset.from_tensor_slices((X, CLASSES)).batch(4)
    model = classifier()
    with refuses(model, argument="class_weight"):
        model.fit(batches, class_weight={**EVEN, 1: -1.0}, verbose=0)


def test_class_weights_of_a_custom_loss(refuses):
    def half(y_true, y_pred):
        return keras.losses.sparse_categorical_crossentropy(y_true, y_pred) / 2

    model = classifier()
    model.compile("sgd", loss=half)
    with refuses(model, argument="class_weight"):
        model.fit(X, CLASSES, class_weight={0: 1.0, 1: 1.0}, verbose=0)


def test_weights_by_output(refuses):
    inputs = keras.Input((3,))
    outputs = {name: keras.layers.Dense(1, name=name)(inputs) for name in "ab"}
    model = keras.Model(inputs, outputs)
    model.compile("sgd", loss="mse")
    y = {"a": X[:, 0], "b": X[:, 1]}
    with refuses(model, argument="sample_weight['b']"):
        kerasnn.fit(model, X, y, sample_weight={"a": ONES, "b": changed(ONES, 3, -1)}, verbose=0)
