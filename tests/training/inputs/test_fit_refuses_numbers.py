"""`fit` refuses arrays whose numbers, lengths or shapes cannot be right, before it trains."""

import keras
import numpy as np
import pandas as pd
import pytest

import kerasnn
from tests.helpers.engine_cases import changed

ROWS = 12
X = np.random.default_rng(0).normal(size=(ROWS, 3)).astype("float32")
CLASSES = np.arange(ROWS) % 2
REAL = X.sum(axis=1)


def classifier():
    return kerasnn.models.mlp(3, task="binary", hidden=(2,), seed=0)


def regressor():
    return kerasnn.models.mlp(3, task="regression", hidden=(2,), seed=0)


ARRAYS = {
    "nan in x": (
        {"x": changed(X, (3, 1), np.nan), "y": CLASSES},
        "x",
    ),
    "several nan in x are counted": (
        {"x": changed(X, (slice(3, 5), slice(None)), np.nan), "y": CLASSES},
        "x",
    ),
    "infinity in x": (
        {"x": changed(X, (0, 2), np.inf), "y": CLASSES},
        "x",
    ),
    "minus infinity in float16": (
        {"x": changed(X, (11, 0), -np.inf, "float16"), "y": CLASSES},
        "x",
    ),
    "nan in y": (
        {"x": X, "y": changed(CLASSES, 4, np.nan, "float64")},
        "y",
    ),
    "infinity in y": (
        {"x": X, "y": changed(CLASSES, 5, -np.inf, "float32")},
        "y",
    ),
    "nan in the sample weights": (
        {"x": X, "y": CLASSES, "sample_weight": changed(np.ones(ROWS), 7, np.nan)},
        "sample_weight",
    ),
    "infinity in the sample weights": (
        {"x": X, "y": CLASSES, "sample_weight": changed(np.ones(ROWS), 7, np.inf)},
        "sample_weight",
    ),
    "float64 that float32 cannot hold": (
        {"x": changed(X, (2, 2), 1e39, "float64"), "y": CLASSES},
        "x",
    ),
    "negative float64 that float32 cannot hold": (
        {"x": changed(X, (2, 2), -1e300, "float64"), "y": CLASSES},
        "x",
    ),
    "no rows": (
        {"x": X[:0], "y": CLASSES[:0]},
        "x",
    ),
    "no columns": (
        {"x": X[:, :0], "y": CLASSES},
        "x",
    ),
    "no data": ({"x": None, "y": CLASSES}, "x"),
    "no list": ({"x": [], "y": []}, "x"),
    "a single number": (
        {"x": 1.5, "y": CLASSES},
        "x",
    ),
    "fewer targets than rows": (
        {"x": X, "y": CLASSES[:5]},
        "y",
    ),
    "fewer weights than rows": (
        {"x": X, "y": CLASSES, "sample_weight": np.ones(11)},
        "sample_weight",
    ),
    "text in x": (
        {"x": np.array([["a", "b", "c"]] * ROWS), "y": CLASSES},
        "x",
    ),
    "objects in x": (
        {"x": changed(X, (1, 1), None, object), "y": CLASSES},
        "x",
    ),
    "a data frame with a column of text": (
        {"x": pd.DataFrame({"a": X[:, 0], "b": ["u"] * ROWS, "c": X[:, 1]}), "y": CLASSES},
        "x",
    ),
    "a data frame whose column lacks values": (
        {"x": pd.DataFrame(X[:, :2]).assign(n=pd.array([1, None] * 6, "Int64")), "y": CLASSES},
        "x",
    ),
    "a data frame with a column of dates": (
        {
            "x": pd.DataFrame(X).assign(when=pd.date_range("2020", periods=ROWS)).iloc[:, 1:],
            "y": CLASSES,
        },
        "x",
    ),
    "text in y": (
        {"x": X, "y": np.array(["cat", "dog"] * 6)},
        "y",
    ),
    "complex numbers": (
        {"x": X + 1j, "y": CLASSES},
        "x",
    ),
    "rows of different lengths": (
        {"x": [[1.0, 2.0, 3.0], [1.0, 2.0]], "y": [0, 1]},
        "x",
    ),
    "too few features": (
        {"x": X[:, :2], "y": CLASSES},
        "x",
    ),
    "too many axes": (
        {"x": X[:, None], "y": CLASSES},
        "x",
    ),
    "a single example": (
        {"x": X[0], "y": [0, 1, 1]},
        "x",
    ),
    "no targets": (
        {"x": X},
        "y",
    ),
}


@pytest.mark.parametrize(("data", "argument"), ARRAYS.values(), ids=ARRAYS)
def test_arrays(refuses, data, argument):
    model = classifier()
    with refuses(model, argument=argument):
        model.fit(**data, verbose=0)


@pytest.mark.parametrize(
    ("bad", "argument"),
    [
        (np.nan, "y"),
        (1e39, "y"),
    ],
)
def test_real_targets(refuses, bad, argument):
    model = regressor()
    with refuses(model, argument=argument):
        model.fit(X, changed(REAL, 2, bad, "float64"), verbose=0)


@pytest.mark.parametrize(
    ("data", "argument"),
    [
        (
            (changed(X, (1, 0), np.nan), CLASSES),
            "validation_data[0]",
        ),
        (
            (X, changed(CLASSES, 1, np.nan, "float32")),
            "validation_data[1]",
        ),
        (
            (X, CLASSES, changed(np.ones(ROWS), 1, -1)),
            "validation_data[2]",
        ),
        (
            (X, CLASSES[:3]),
            "validation_data[1]",
        ),
        ((X[:, :1], CLASSES), "validation_data[0]"),
        ((X,), "validation_data[1]"),
        (
            X,
            "validation_data",
        ),
        (kerasnn.data.load("xor"), "validation_data"),
    ],
)
def test_validation_data(refuses, data, argument):
    model = classifier()
    with refuses(model, argument=argument):
        model.fit(X, CLASSES, validation_data=data, verbose=0)


def test_numbers_for_an_input_of_text(refuses):
    words = keras.Input((1,), dtype="string")
    one_hot = keras.layers.StringLookup(vocabulary=["a", "b"], output_mode="one_hot")(words)
    model = keras.Model(words, keras.layers.Dense(1)(one_hot))
    model.compile("sgd", loss="mse")
    with refuses(model, argument="x"):
        kerasnn.fit(model, X[:, :1], REAL, verbose=0)


def test_every_entry_is_looked_at(refuses):
    """The walk over the data goes by chunks: a NaN in the last of several is found."""
    x = np.zeros((200_000, 3), "float32")
    x[-1, 2] = np.nan
    model = classifier()
    with refuses(model, argument="x"):
        model.fit(x, np.zeros(len(x)), verbose=0)


@pytest.mark.parametrize("call", ["predict", "evaluate"])
@pytest.mark.parametrize(
    ("x", "argument"),
    [
        (changed(X, (3, 1), np.nan), "x"),
        (changed(X, (3, 1), 1e39, "float64"), "x"),
        (X[:0], "x"),
        (X[:, :2], "x"),
    ],
)
def test_predict_and_evaluate(refuses, call, x, argument):
    model = classifier()
    arguments = [x] if call == "predict" else [x, CLASSES[: len(x)]]
    with refuses(model, argument=argument):
        getattr(model, call)(*arguments, verbose=0)


def test_evaluate_without_targets(refuses):
    model = classifier()
    with refuses(model, argument="y"):
        model.evaluate(X, verbose=0)
