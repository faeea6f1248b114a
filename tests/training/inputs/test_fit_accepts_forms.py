"""Odd forms of data that are right: `fit` trains on the numbers that were meant."""

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import kerasnn
from tests.helpers.engine_cases import assert_same_training, starting_over, weights_after
from tests.helpers.seeds import set_seeds

ROWS = 12
WHOLE = np.arange(2 * ROWS).reshape(ROWS, 2) % 5
X = WHOLE.astype("float32")
BITS = np.arange(ROWS) % 2


@pytest.fixture(scope="module")
def train():
    return starting_over(kerasnn.models.mlp(2, task="binary", hidden=(), seed=0))


@pytest.fixture(scope="module")
def expected(train):
    """The weights after training on plain float32 arrays."""
    return train(X, BITS.astype("float32"))


FORMS = {
    "float64": (X.astype("float64"), BITS.astype("float64")),
    "float16": (X.astype("float16"), BITS.astype("float16")),
    "whole numbers": (WHOLE, BITS),
    "bytes": (WHOLE.astype("uint8"), BITS.astype("uint8")),
    "truth values": (X, BITS.astype(bool)),
    "a column": (X, BITS[:, None]),
    "lists": (X.tolist(), BITS.tolist()),
    "tuples": (tuple(map(tuple, X.tolist())), tuple(BITS.tolist())),
    "a list of rows and a list of NumPy's numbers": (list(X), list(BITS)),
    "arrays inside of lists": ([X], [BITS]),
    "by name": ({"features": X}, BITS),
    "tensors": (tf.constant(X), tf.constant(BITS)),
    "bfloat16 tensors": (tf.constant(X, tf.bfloat16), BITS),
    "variables": (tf.Variable(X), BITS),
    "Fortran order": (np.asfortranarray(X), BITS),
    "every second row of a larger array": (np.repeat(X, 2, axis=0)[::2], BITS),
    "objects that are numbers": (X.astype(object), BITS.astype(object)),
    "data frames": (pd.DataFrame(X), pd.DataFrame(BITS)),
    "series": (pd.DataFrame(WHOLE), pd.Series(BITS, index=np.arange(ROWS) + 100)),
    "columns that may lack values and do not": (
        pd.DataFrame(X).astype("Float64"),
        pd.Series(BITS).astype("Int64"),
    ),
    "categories that are numbers": (X, pd.Series(BITS).astype("category")),
}


@pytest.mark.parametrize(("x", "y"), FORMS.values(), ids=FORMS)
def test_forms_of_the_same_numbers(train, expected, x, y):
    assert_same_training(train(x, y), expected)


def test_arrays_are_not_written_to(train):
    x, y = X.copy(), BITS.astype("float32")
    x.setflags(write=False)
    y.setflags(write=False)
    train(x, y)


def test_a_data_frame_of_numbers_and_booleans(train):
    frame = pd.DataFrame({"a": X[:, 0], "b": BITS.astype(bool)})
    plain = np.stack([X[:, 0], BITS], axis=1)
    assert_same_training(train(frame, BITS), train(plain, BITS))


def test_words():
    """Keras itself takes text as tensors only."""

    def build():
        set_seeds(1)
        words = keras.Input((1,), dtype="string")
        one_hot = keras.layers.StringLookup(vocabulary=["a", "b"], output_mode="one_hot")(words)
        model = keras.Model(words, keras.layers.Dense(1, "sigmoid")(one_hot))
        model.compile("sgd", loss="binary_crossentropy")
        return model

    text = np.array([["a"], ["b"]] * 6)
    tensors = tf.constant(text)
    plain, train = build(), starting_over(build())
    plain.fit(tensors, BITS, epochs=2, batch_size=4, shuffle=False, verbose=0)
    for words in (text, text.astype(object), text.tolist(), tensors, pd.DataFrame(text)):
        for got, wanted in zip(train(words, BITS), plain.get_weights(), strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-6)


def test_inputs_by_name_in_any_order():
    left, right = keras.Input((2,), name="left"), keras.Input((1,), name="right")
    both = keras.layers.concatenate([left, right])
    model = keras.Model([left, right], keras.layers.Dense(1)(both))
    model.compile("sgd", loss="mse")
    train = starting_over(model)
    wanted = train([X, X[:, :1]], BITS)
    assert_same_training(train({"right": X[:, :1], "left": X}, BITS), wanted)
    assert_same_training(train({"left": X, "right": X[:, 0]}, BITS), wanted)


def test_a_sequential_model_without_an_input():
    def build(*first):
        set_seeds(1)
        model = keras.Sequential([*first, kerasnn.layers.Standardize(), keras.layers.Dense(1)])
        model.compile("sgd", loss="mse")
        return model

    assert_same_training(
        weights_after(build(), X, BITS), weights_after(build(keras.Input((2,))), X, BITS)
    )


def test_the_full_batch():
    """`batch_size="full"` is one step an epoch over all rows."""
    set_seeds(1)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", loss="mse")
    train = starting_over(model)
    full = train(X, BITS, batch_size="full")
    assert int(model.optimizer.iterations) == 2
    assert_same_training(full, train(X, BITS, batch_size=ROWS))
