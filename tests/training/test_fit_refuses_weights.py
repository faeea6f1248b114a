"""`fit` refuses weights of classes and of rows that cannot be right, before it trains."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from training_helpers import changed

import kerasnn

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
        "`class_weight` must give every class a weight; got class_weight={0: 1.0, 2: 1.0}. It "
        "lacks 1; for the usual weight use 1.",
    ),
    "a class that does not exist": (
        {"class_weight": {**EVEN, 3: 1.0}},
        "`class_weight` must have keys from 0 to 2; got class_weight={0: 1.0, 1: 1.0, 2: 1.0, "
        "3: 1.0}. 3 is none.",
    ),
    "a negative class": (
        {"class_weight": {**EVEN, -1: 1.0}},
        "`class_weight` must have keys from 0 to 2;",
    ),
    "the name of a class": (
        {"class_weight": {"0": 1.0}},
        "`class_weight` must have class numbers as keys; got class_weight={'0': 1.0}. '0' is none.",
    ),
    "a truth value as a class": (
        {"class_weight": {False: 1.0, True: 1.0}},
        "`class_weight` must have class numbers as keys;",
    ),
    "a negative class weight": (
        {"class_weight": {**EVEN, 1: -1.0}},
        "`class_weight` must hold finite weights of at least 0; got class_weight={0: 1.0, 1: "
        "-1.0, 2: 1.0}. Class 1 has -1.0.",
    ),
    "a class weight that is nan": (
        {"class_weight": {**EVEN, 1: np.nan}},
        "`class_weight` must hold finite weights of at least 0;",
    ),
    "no dictionary": (
        {"class_weight": [1.0, 1.0, 1.0]},
        "`class_weight` must be a dictionary from class number to weight; got "
        "class_weight=[1.0, 1.0, 1.0].",
    ),
    "weights of classes and of rows": (
        {"class_weight": EVEN, "sample_weight": ONES},
        "`class_weight` and `sample_weight` cannot both be given. Put the product of both into "
        "`sample_weight`.",
    ),
    "a negative row weight": (
        {"sample_weight": changed(ONES, 5, -0.5)},
        "`sample_weight` must be at least 0; got -0.5 in row 5. A negative weight would train "
        "towards the wrong answer; to leave a row out, use 0.",
    ),
    "a row weight that is nan": (
        {"sample_weight": changed(ONES, 5, np.nan)},
        "`sample_weight` must hold finite numbers; got nan in row 5.",
    ),
    "several weights a row": (
        {"sample_weight": np.ones((ROWS, 2))},
        "`sample_weight` must hold one weight for each target; got shape (12, 2) for targets of "
        "shape (12,).",
    ),
    "weights in words": (
        {"sample_weight": np.array(["much"] * ROWS)},
        "`sample_weight` must hold numbers; got dtype <U4, such as 'much'.",
    ),
}


@pytest.mark.parametrize(("arguments", "message"), WEIGHTS.values(), ids=WEIGHTS)
def test_weights(refuses, arguments, message):
    model = classifier()
    with refuses(model, message):
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
        "`class_weight` must go with one target of one class a row; this model has 0. Use "
        "`sample_weight` instead.",
    ):
        model.fit(X, y, class_weight=EVEN, verbose=0)


def test_class_weights_of_nodes(refuses):
    """Keras would weigh a whole graph by the class that its largest label stands at."""
    model = kerasnn.models.graph_network(3, 2, task="multiclass", seed=0)
    graphs = {"features": np.ones((2, 4, 3)), "adjacency": np.zeros((2, 4, 4))}
    with refuses(model, "`class_weight` must go with one target of one class a row"):
        model.fit(graphs, [[0, 1, 0, 1], [0, 1, 1, 0]], class_weight={0: 1, 1: 2}, verbose=0)


def test_class_weights_of_a_stream(refuses):
    batches = tf.data.Dataset.from_tensor_slices((X, CLASSES)).batch(4)
    model = classifier()
    with refuses(model, "`class_weight` must hold finite weights of at least 0"):
        model.fit(batches, class_weight={**EVEN, 1: -1.0}, verbose=0)


def test_class_weights_of_a_loss_of_ones_own(refuses):
    def half(y_true, y_pred):
        return keras.losses.sparse_categorical_crossentropy(y_true, y_pred) / 2

    model = classifier()
    model.compile("sgd", loss=half)
    with refuses(model, "`class_weight` must give every class a weight"):
        model.fit(X, CLASSES, class_weight={0: 1.0, 1: 1.0}, verbose=0)


def test_weights_by_output(refuses):
    inputs = keras.Input((3,))
    outputs = {name: keras.layers.Dense(1, name=name)(inputs) for name in "ab"}
    model = keras.Model(inputs, outputs)
    model.compile("sgd", loss="mse")
    y = {"a": X[:, 0], "b": X[:, 1]}
    with refuses(model, "`sample_weight['b']` must be at least 0; got -1 in row 3."):
        kerasnn.fit(model, X, y, sample_weight={"a": ONES, "b": changed(ONES, 3, -1)}, verbose=0)
