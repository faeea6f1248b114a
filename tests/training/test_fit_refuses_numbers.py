"""`fit` refuses arrays whose numbers, lengths or shapes cannot be right, before it trains."""

import keras
import numpy as np
import pandas as pd
import pytest
from training_helpers import changed

import kerasnn

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
        "`x` must hold finite numbers; got nan in row 3, column 1. Drop those rows, or fill them "
        "in.",
    ),
    "several nan in x are counted": (
        {"x": changed(X, (slice(3, 5), slice(None)), np.nan), "y": CLASSES},
        "`x` must hold finite numbers; got nan in row 3, column 0 and 5 more.",
    ),
    "infinity in x": (
        {"x": changed(X, (0, 2), np.inf), "y": CLASSES},
        "`x` must hold finite numbers; got inf in row 0, column 2.",
    ),
    "minus infinity in float16": (
        {"x": changed(X, (11, 0), -np.inf, "float16"), "y": CLASSES},
        "`x` must hold finite numbers; got -inf in row 11, column 0.",
    ),
    "nan in y": (
        {"x": X, "y": changed(CLASSES, 4, np.nan, "float64")},
        "`y` must hold finite numbers; got nan in row 4.",
    ),
    "infinity in y": (
        {"x": X, "y": changed(CLASSES, 5, -np.inf, "float32")},
        "`y` must hold finite numbers; got -inf in row 5.",
    ),
    "nan in the sample weights": (
        {"x": X, "y": CLASSES, "sample_weight": changed(np.ones(ROWS), 7, np.nan)},
        "`sample_weight` must hold finite numbers; got nan in row 7.",
    ),
    "infinity in the sample weights": (
        {"x": X, "y": CLASSES, "sample_weight": changed(np.ones(ROWS), 7, np.inf)},
        "`sample_weight` must hold finite numbers; got inf in row 7.",
    ),
    "float64 that float32 cannot hold": (
        {"x": changed(X, (2, 2), 1e39, "float64"), "y": CLASSES},
        "`x` must fit into float32, at most 3.4e38; got 1e+39 in row 2, column 2, which would "
        "become infinity. Rescale that column.",
    ),
    "negative float64 that float32 cannot hold": (
        {"x": changed(X, (2, 2), -1e300, "float64"), "y": CLASSES},
        "`x` must fit into float32, at most 3.4e38; got -1e+300 in row 2, column 2",
    ),
    "no rows": (
        {"x": X[:0], "y": CLASSES[:0]},
        "`x` must hold at least one row; got shape (0, 3).",
    ),
    "no columns": (
        {"x": X[:, :0], "y": CLASSES},
        "`x` must hold at least one row; got shape (12, 0).",
    ),
    "no data": ({"x": None, "y": CLASSES}, "`x` must hold data; got None."),
    "no list": ({"x": [], "y": []}, "`x` must hold at least one row; got shape (0,)."),
    "a single number": (
        {"x": 1.5, "y": CLASSES},
        "`x` must be an array of rows; got the single number 1.5.",
    ),
    "fewer targets than rows": (
        {"x": X, "y": CLASSES[:5]},
        "`x` and `y` must have the same number of rows; got 12 and 5.",
    ),
    "fewer weights than rows": (
        {"x": X, "y": CLASSES, "sample_weight": np.ones(11)},
        "`x` and `sample_weight` must have the same number of rows; got 12 and 11.",
    ),
    "text in x": (
        {"x": np.array([["a", "b", "c"]] * ROWS), "y": CLASSES},
        "`x` must hold numbers; got dtype <U1, such as 'a'. Convert it with "
        "`.astype('float32')`, or number its names: `kerasnn.data.from_csv` does.",
    ),
    "objects in x": (
        {"x": changed(X, (1, 1), None, object), "y": CLASSES},
        "`x` must hold numbers; got dtype object, such as None. Drop the rows that lack a "
        "value, or fill them in.",
    ),
    "a data frame with a column of text": (
        {"x": pd.DataFrame({"a": X[:, 0], "b": ["u"] * ROWS, "c": X[:, 1]}), "y": CLASSES},
        "`x` must hold numbers; got dtype object, such as 'u'.",
    ),
    "a data frame whose column lacks values": (
        {"x": pd.DataFrame(X[:, :2]).assign(n=pd.array([1, None] * 6, "Int64")), "y": CLASSES},
        "`x` must hold numbers; got dtype object, such as <NA>. Drop the rows that lack a value",
    ),
    "a data frame with a column of dates": (
        {
            "x": pd.DataFrame(X).assign(when=pd.date_range("2020", periods=ROWS)).iloc[:, 1:],
            "y": CLASSES,
        },
        "`x` must hold numbers; got dtype object, such as Timestamp",
    ),
    "text in y": (
        {"x": X, "y": np.array(["cat", "dog"] * 6)},
        "`y` must hold numbers; got dtype <U3, such as 'cat'. Number the names: `classes, y = "
        "np.unique(y, return_inverse=True)`.",
    ),
    "complex numbers": (
        {"x": X + 1j, "y": CLASSES},
        "`x` must hold numbers; got dtype complex64",
    ),
    "rows of different lengths": (
        {"x": [[1.0, 2.0, 3.0], [1.0, 2.0]], "y": [0, 1]},
        "`x` must have rows of one length; got rows of different lengths. Pad with a `v` that no "
        "row holds, `keras.utils.pad_sequences(x, dtype='float32', padding='post', value=v)`,",
    ),
    "too few features": (
        {"x": X[:, :2], "y": CLASSES},
        "`x` must have shape (batch, 3); got (12, 2). Give those features, or build the model "
        "with input_shape=(2,).",
    ),
    "too many axes": (
        {"x": X[:, None], "y": CLASSES},
        "`x` must have shape (batch, 3); got (12, 1, 3). It has 3 axes instead of 2; reshape it.",
    ),
    "a single example": (
        {"x": X[0], "y": [0, 1, 1]},
        "`x` must have shape (batch, 3); got (3,). It has 1 axes instead of 2; for a single "
        "example give `x[None]`.",
    ),
    "no targets": (
        {"x": X},
        "`y` must be given: the model is compiled with a loss on targets.",
    ),
}


@pytest.mark.parametrize(("data", "message"), ARRAYS.values(), ids=ARRAYS)
def test_arrays(refuses, data, message):
    model = classifier()
    with refuses(model, message):
        model.fit(**data, verbose=0)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.nan, "`y` must hold finite numbers; got nan in row 2."),
        (1e39, "`y` must fit into float32, at most 3.4e38; got 1e+39 in row 2"),
    ],
)
def test_real_targets(refuses, bad, message):
    model = regressor()
    with refuses(model, message):
        model.fit(X, changed(REAL, 2, bad, "float64"), verbose=0)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            (changed(X, (1, 0), np.nan), CLASSES),
            "`validation_data[0]` must hold finite numbers; got nan in row 1, column 0.",
        ),
        (
            (X, changed(CLASSES, 1, np.nan, "float32")),
            "`validation_data[1]` must hold finite numbers; got nan in row 1.",
        ),
        (
            (X, CLASSES, changed(np.ones(ROWS), 1, -1)),
            "`validation_data[2]` must be at least 0; got -1 in row 1.",
        ),
        (
            (X, CLASSES[:3]),
            "`validation_data[0]` and `validation_data[1]` must have the same number of rows; got "
            "12 and 3.",
        ),
        ((X[:, :1], CLASSES), "`validation_data[0]` must have shape (batch, 3); got (12, 1)."),
        ((X,), "`validation_data[1]` must be given: the model is compiled with a loss"),
        (
            X,
            "`validation_data` must be (x, y), (x, y, sample_weight) or a stream of batches; got "
            "ndarray.",
        ),
    ],
)
def test_validation_data(refuses, data, message):
    model = classifier()
    with refuses(model, message):
        model.fit(X, CLASSES, validation_data=data, verbose=0)


def test_numbers_for_an_input_of_text(refuses):
    words = keras.Input((1,), dtype="string")
    one_hot = keras.layers.StringLookup(vocabulary=["a", "b"], output_mode="one_hot")(words)
    model = keras.Model(words, keras.layers.Dense(1)(one_hot))
    model.compile("sgd", loss="mse")
    with refuses(model, "`x` must hold text; got dtype float32."):
        kerasnn.fit(model, X[:, :1], REAL, verbose=0)


def test_every_entry_is_looked_at(refuses):
    """The walk over the data goes by chunks: a NaN in the last of several is found."""
    x = np.zeros((200_000, 3), "float32")
    x[-1, 2] = np.nan
    model = classifier()
    with refuses(model, "got nan in row 199999, column 2."):
        model.fit(x, np.zeros(len(x)), verbose=0)


@pytest.mark.parametrize("call", ["predict", "evaluate"])
@pytest.mark.parametrize(
    ("x", "message"),
    [
        (changed(X, (3, 1), np.nan), "`x` must hold finite numbers; got nan in row 3, column 1."),
        (changed(X, (3, 1), 1e39, "float64"), "`x` must fit into float32"),
        (X[:0], "`x` must hold at least one row; got shape (0, 3)."),
        (X[:, :2], "`x` must have shape (batch, 3); got (12, 2)."),
    ],
)
def test_predict_and_evaluate(refuses, call, x, message):
    model = classifier()
    arguments = [x] if call == "predict" else [x, CLASSES[: len(x)]]
    with refuses(model, message):
        getattr(model, call)(*arguments, verbose=0)


def test_evaluate_without_targets(refuses):
    model = classifier()
    with refuses(model, "`y` must be given: the model is compiled with a loss on targets."):
        model.evaluate(X, verbose=0)
