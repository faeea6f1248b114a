"""`fit` refuses data for several inputs or outputs that cannot be right, before it trains."""

import keras
import numpy as np
import pytest

import kerasnn
from tests.helpers.engine_cases import changed

ROWS = 12
X = np.random.default_rng(0).normal(size=(ROWS, 3)).astype("float32")
REAL = X.sum(axis=1)
CLASSES = np.arange(ROWS) % 3


def two_inputs():
    left, right = keras.Input((3,), name="left"), keras.Input((2,), name="right")
    output = keras.layers.Dense(1)(keras.layers.concatenate([left, right]))
    model = keras.Model({"left": left, "right": right}, output)
    model.compile("sgd", loss="mse")
    return model


@pytest.mark.parametrize(
    ("x", "argument"),
    [
        (
            {"left": X, "right": changed(X[:, :2], (6, 1), np.nan)},
            "x['right']",
        ),
        (
            {"left": X, "right": X},
            "x['right']",
        ),
        ({"left": X, "right": X[:4, :2]}, "x['right']"),
        (
            {"left": X, "rigth": X[:, :2]},
            "x",
        ),
        ({"left": X}, "x"),
        (
            [X, X[:, :2], X],
            "x",
        ),
        (
            [X[:, :2], X],
            "x[0]",
        ),
        (X, "x"),
        (
            {"left": X, "right": np.array([["a", "b"]] * ROWS)},
            "x['right']",
        ),
    ],
)
def test_inputs_by_name(refuses, x, argument):
    model = two_inputs()
    with refuses(model, argument=argument):
        kerasnn.fit(model, x, REAL, verbose=0)


def test_too_few_inputs(refuses):
    left, right = keras.Input((3,), name="left"), keras.Input((2,), name="right")
    model = keras.Model(
        [left, right], keras.layers.Dense(1)(keras.layers.concatenate([left, right]))
    )
    model.compile("sgd", loss="mse")
    with refuses(model, argument="x"):
        kerasnn.fit(model, [X], REAL, verbose=0)


def two_outputs(structure):
    """A model with a number and a class as outputs."""
    inputs = keras.Input((3,))
    value = keras.layers.Dense(1, name="value")(inputs)
    kind = keras.layers.Dense(3, "softmax", name="kind")(inputs)
    outputs = {"value": value, "kind": kind} if structure is dict else [value, kind]
    model = keras.Model(inputs, outputs)
    model.compile("sgd", loss={"value": "mse", "kind": "sparse_categorical_crossentropy"})
    return model


@pytest.mark.parametrize("structure", [dict, list])
@pytest.mark.parametrize(
    ("y", "argument"),
    [
        (
            {"value": X[:, 0], "kind": changed(CLASSES, 5, 3)},
            "y['kind']",
        ),
        (
            {"value": X, "kind": CLASSES},
            "y['value']",
        ),
        (
            {"value": X[:, 0], "kind": CLASSES[:6]},
            "y['kind']",
        ),
        (
            {"value": X[:, 0], "knid": CLASSES},
            "y",
        ),
        ({"value": X[:, 0]}, "y"),
    ],
)
def test_several_outputs(refuses, structure, y, argument):
    model = two_outputs(structure)
    with refuses(model, argument=argument):
        kerasnn.fit(model, X, y, verbose=0)


def test_a_list_of_too_few_targets(refuses):
    model = two_outputs(list)
    with refuses(model, argument="y"):
        kerasnn.fit(model, X, [X[:, 0]], verbose=0)
