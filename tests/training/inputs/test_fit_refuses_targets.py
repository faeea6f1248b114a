"""`fit` refuses targets that do not suit the output and the loss, before it trains."""

import keras
import numpy as np
import pytest

import kerasnn
from tests.helpers.engine_cases import changed

ROWS = 12
X = np.random.default_rng(0).normal(size=(ROWS, 3)).astype("float32")
BITS = np.arange(ROWS) % 2
CLASSES = np.arange(ROWS) % 3
ONE_HOT = np.eye(3)[CLASSES]


def builder(task, outputs=1):
    return lambda: kerasnn.models.mlp(3, outputs, task=task, hidden=(), seed=0)


def compiled(loss, units=3, activation="softmax"):
    """A plain Keras model, as `kerasnn.fit` also takes it."""

    def build():
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(units, activation)])
        model.compile("sgd", loss=loss)
        return model

    return build


def pixels():
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(4), keras.layers.Reshape((2, 2))]
    )
    model.compile("sgd", loss="mse")
    return model


def perceptron():
    return kerasnn.models.perceptron(3)


class Subclassed(keras.Model):
    """A model whose shapes are unknown before it is called."""

    def __init__(self, units, activation=None):
        super().__init__()
        self.output_layer = keras.layers.Dense(units, activation)

    def call(self, x):
        return self.output_layer(x)


def subclassed(loss, units, activation=None):
    def build():
        model = Subclassed(units, activation)
        model.compile("sgd", loss=loss)
        return model

    return build


def without_input(loss, units, activation=None):
    def build():
        model = keras.Sequential([keras.layers.Dense(units, activation)])
        model.compile("sgd", loss=loss)
        return model

    return build


SPARSE = "sparse_categorical_crossentropy"
MULTICLASS = builder("multiclass", 3)
OUT_OF_RANGE = "y"
LOOKS_ONE_HOT = "y"
BROADCASTS = (
    "Keras would broadcast one against the other and train on pairs that do not belong together. "
    "Build the model with as many outputs as targets."
)

TARGETS = {
    "class number beyond the units": (MULTICLASS, changed(CLASSES, 5, 3), OUT_OF_RANGE),
    "class number beyond the units, from_logits": (
        compiled(keras.losses.SparseCategoricalCrossentropy(from_logits=True), 3, None),
        changed(CLASSES, 5, 3),
        OUT_OF_RANGE,
    ),
    "class number beyond the units, Sequential without Input": (
        without_input(SPARSE, 3, "softmax"),
        changed(CLASSES, 5, 3),
        OUT_OF_RANGE,
    ),
    "class number beyond the units, subclassed": (
        subclassed(SPARSE, 3, "softmax"),
        changed(CLASSES, 5, 3),
        OUT_OF_RANGE,
    ),
    "negative class number": (
        MULTICLASS,
        changed(CLASSES, 2, -1),
        "y",
    ),
    "class number with a fraction": (
        MULTICLASS,
        changed(CLASSES, 7, 0.5, "float32"),
        "y",
    ),
    "one-hot for a sparse loss": (MULTICLASS, ONE_HOT, LOOKS_ONE_HOT),
    "one-hot for a sparse loss, subclassed": (subclassed(SPARSE, 3), ONE_HOT, LOOKS_ONE_HOT),
    "two class numbers a row": (
        MULTICLASS,
        ONE_HOT[:, :2],
        "y",
    ),
    "class numbers for a one-hot loss": (
        compiled("categorical_crossentropy"),
        CLASSES,
        "y",
    ),
    "a column of class numbers for a one-hot loss": (
        compiled(keras.losses.CategoricalCrossentropy()),
        CLASSES[:, None],
        "y",
    ),
    "numbers that are no shares for a one-hot loss": (
        compiled("categorical_crossentropy"),
        2 * ONE_HOT,
        "y",
    ),
    "several classes on one sigmoid": (
        builder("binary"),
        CLASSES,
        "y",
    ),
    "labels of -1 and 1": (
        builder("binary"),
        2 * BITS - 1,
        "y",
    ),
    "labels of -1 and 1 for a perceptron": (
        perceptron,
        2 * BITS - 1,
        "y",
    ),
    "one-hot for one sigmoid": (
        builder("binary"),
        np.eye(2)[BITS],
        "y",
    ),
    "one column for several labels": (
        builder("multilabel", 3),
        BITS[:, None],
        "y",
    ),
    "a label that is no bit": (
        builder("multilabel", 3),
        changed(ONE_HOT, (4, 1), 5),
        "y",
    ),
    "a column that broadcasts against three outputs": (
        builder("regression", 3),
        X[:, :1],
        "y",
    ),
    "a vector that broadcasts against three outputs": (
        builder("regression", 3),
        X[:, 0],
        "y",
    ),
    "three columns that broadcast against one output": (
        builder("regression"),
        X,
        "y",
    ),
    "a column that broadcasts, subclassed": (
        subclassed("mse", 3),
        X[:, :1],
        "y",
    ),
    "a column that broadcasts, Sequential without Input": (
        without_input("mse", 3),
        X[:, :1],
        "y",
    ),
    "rows that broadcast against images": (
        pixels,
        X[:, :2],
        "y",
    ),
    "negative counts": (
        builder("count"),
        changed(CLASSES, 3, -4),
        "y",
    ),
}


@pytest.mark.parametrize(("build", "y", "argument"), TARGETS.values(), ids=TARGETS)
def test_targets(refuses, build, y, argument):
    model = build()
    with refuses(model, argument=argument):
        kerasnn.fit(model, X, y, verbose=0)


@pytest.mark.parametrize("build", [MULTICLASS, subclassed(SPARSE, 3, "softmax")])
def test_evaluate_looks_at_targets_too(refuses, build):
    model = build()
    model(X[:1])
    with refuses(model, argument=OUT_OF_RANGE):
        kerasnn.training.evaluate(model, X, changed(CLASSES, 5, 3), verbose=0)


ONLY_IN_VALIDATION = "y"


@pytest.mark.parametrize(
    ("build", "y", "argument"),
    [
        (MULTICLASS, np.sort(CLASSES), ONLY_IN_VALIDATION),
        (compiled("categorical_crossentropy"), np.eye(3)[np.sort(CLASSES)], ONLY_IN_VALIDATION),
        (subclassed(SPARSE, 3, "softmax"), np.sort(CLASSES), ONLY_IN_VALIDATION),
        (builder("binary"), np.repeat([0, 1], [8, 4])[:, None], "y"),
        (builder("multiclass", 5), np.r_[np.zeros(8), 1, 2, 3, 4], "y"),
    ],
    ids=["class numbers", "one-hot", "subclassed", "bits", "several classes"],
)
def test_a_class_that_only_validation_holds(refuses, build, y, argument):
    model = build()
    with refuses(model, argument=argument):
        kerasnn.fit(model, X, y, validation_split=1 / 3, verbose=0)


def test_a_class_that_only_validation_data_hold(refuses):
    model = MULTICLASS()
    with refuses(model, argument=ONLY_IN_VALIDATION):
        model.fit(X, BITS, validation_data=(X, CLASSES), verbose=0)


def test_labels_of_every_node_are_looked_at(refuses):
    model = kerasnn.models.graph_network(3, 2, task="multiclass", seed=0)
    graphs = {"features": np.ones((2, 4, 3)), "adjacency": np.zeros((2, 4, 4))}
    with refuses(model, argument="y"):
        model.fit(graphs, [[0, 1, 0, 1], [0, 1, 2, 0]], verbose=0)
