"""`fit` refuses data for several inputs or outputs that cannot be right, before it trains."""

import keras
import numpy as np
import pytest
from training_helpers import changed

import kerasnn

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
    ("x", "message"),
    [
        (
            {"left": X, "right": changed(X[:, :2], (6, 1), np.nan)},
            "`x['right']` must hold finite numbers; got nan in row 6, column 1.",
        ),
        (
            {"left": X, "right": X},
            "`x['right']` must have shape (batch, 2); got (12, 3).",
        ),
        ({"left": X, "right": X[:4, :2]}, "`x['left']` and `x['right']` must have the same number"),
        (
            {"left": X, "rigth": X[:, :2]},
            "`x` holds 'rigth', which the model does not have. Did you mean `right`?",
        ),
        ({"left": X}, "`x` lacks 'right'."),
        (
            [X, X[:, :2], X],
            "`x` must be a dictionary with the names of the model's inputs, 'left', 'right'; got a "
            "list of 3.",
        ),
        (
            [X[:, :2], X],
            "`x[0]` must have shape (batch, 3); got (12, 2).",
        ),
        (X, "`x` must be a dictionary with the names of the model's inputs, 'left', 'right'; got"),
        (
            {"left": X, "right": np.array([["a", "b"]] * ROWS)},
            "`x['right']` must hold numbers; got dtype <U1, such as 'a'.",
        ),
    ],
)
def test_inputs_by_name(refuses, x, message):
    model = two_inputs()
    with refuses(model, message):
        kerasnn.fit(model, x, REAL, verbose=0)


def test_too_few_inputs(refuses):
    left, right = keras.Input((3,), name="left"), keras.Input((2,), name="right")
    model = keras.Model(
        [left, right], keras.layers.Dense(1)(keras.layers.concatenate([left, right]))
    )
    model.compile("sgd", loss="mse")
    with refuses(model, "`x` must hold 2 arrays, one for each of `left`, `right`; got 1."):
        kerasnn.fit(model, [X], REAL, verbose=0)


def two_outputs(structure):
    """A model that answers with a number and with a class."""
    inputs = keras.Input((3,))
    value = keras.layers.Dense(1, name="value")(inputs)
    kind = keras.layers.Dense(3, "softmax", name="kind")(inputs)
    outputs = {"value": value, "kind": kind} if structure is dict else [value, kind]
    model = keras.Model(inputs, outputs)
    model.compile("sgd", loss={"value": "mse", "kind": "sparse_categorical_crossentropy"})
    return model


@pytest.mark.parametrize("structure", [dict, list])
@pytest.mark.parametrize(
    ("y", "message"),
    [
        (
            {"value": X[:, 0], "kind": changed(CLASSES, 5, 3)},
            "`y['kind']` must hold class numbers from 0 to 2, since the output has 3 units; got 3",
        ),
        (
            {"value": X, "kind": CLASSES},
            "`y['value']` must have the output's shape, (batch, 1); got (12, 3).",
        ),
        (
            {"value": X[:, 0], "kind": CLASSES[:6]},
            "`x` and `y['kind']` must have the same number of rows; got 12 and 6.",
        ),
        (
            {"value": X[:, 0], "knid": CLASSES},
            "`y` holds 'knid', which the model does not have. Did you mean `kind`?",
        ),
        ({"value": X[:, 0]}, "`y` lacks 'kind'."),
    ],
)
def test_several_outputs(refuses, structure, y, message):
    model = two_outputs(structure)
    with refuses(model, message):
        kerasnn.fit(model, X, y, verbose=0)


def test_a_list_of_too_few_targets(refuses):
    model = two_outputs(list)
    with refuses(model, "`y` must hold 2 arrays, one for each of"):
        kerasnn.fit(model, X, [X[:, 0]], verbose=0)
