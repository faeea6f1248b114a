"""Where `Standardize` learns from: streams, several ends, models inside of models."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasnn
from kerasnn.layers import Standardize
from tests.helpers.engine_cases import assert_learned
from tests.training.inputs.standardization.standardize_cases import (
    BITS,
    X,
    Y,
    classifier,
    regressor,
)


@pytest.fixture(scope="module")
def compiled_once():
    return classifier()


@pytest.fixture
def fresh(compiled_once):
    """A classifier that has learned nothing; what was compiled for it takes the time, and stays."""
    compiled_once.get_layer("standardize").reset()
    return compiled_once


def compiled(layers, loss="mse"):
    model = keras.Sequential(layers)
    model.compile("sgd", loss=loss)
    return model


def stream(x=X, y=BITS, batch=16):
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(batch)


class Batches(keras.utils.PyDataset):
    @property
    def num_batches(self):
        return 3

    def __getitem__(self, index):
        rows = slice(16 * index, 16 * index + 16)
        return X[rows], BITS[rows]


@pytest.mark.parametrize(
    ("data", "arguments", "rows"),
    [
        (stream, {}, slice(None)),
        (stream, {"validation_data": (X + 1e6, BITS)}, slice(None)),
        (lambda: stream().repeat(), {"steps_per_epoch": 2}, slice(32)),
        (Batches, {}, slice(None)),
    ],
    ids=["tf.data", "with validation data", "repeated", "PyDataset"],
)
def test_streams(fresh, data, arguments, rows):
    fresh.fit(data(), verbose=0, **arguments)
    assert_learned(fresh.get_layer("standardize"), X[rows])


def test_targets_of_a_stream():
    model = regressor()
    model.fit(stream(y=Y), verbose=0)
    assert_learned(model.get_layer("target_units"), Y[:, None])


def test_a_stream_that_holds_nan(refuses):
    bad = X.copy()
    bad[17, 2] = np.nan
    model = classifier()
    with refuses(model, argument="x"):
        model.fit(stream(bad), verbose=0)


def test_a_generator_can_be_read_only_once(refuses):
    model = classifier()
    batches = ((X, BITS) for _ in range(9))
    with refuses(model, argument="x"):
        model.fit(batches, steps_per_epoch=2, verbose=0)
    assert len(list(batches)) == 9
    model.get_layer("standardize").adapt(X)
    model.fit(((X, BITS) for _ in range(9)), steps_per_epoch=2, verbose=0)


def test_a_layer_behind_others_learns_what_reaches_it():
    model = compiled(
        [
            keras.Input((3,)),
            keras.layers.Rescaling(2.0, offset=1.0),
            Standardize(),
            keras.layers.Dense(1),
        ]
    )
    kerasnn.fit(model, X, BITS, verbose=0)
    assert_learned(model.layers[1], 2 * X + 1)


def test_one_input_of_several():
    left, right = keras.Input((3,), name="left"), keras.Input((3,), name="right")
    layer = Standardize()
    outputs = keras.layers.Dense(1)(keras.layers.concatenate([left, layer(right)]))
    model = keras.Model({"left": left, "right": right}, outputs)
    model.compile("sgd", loss="mse")
    kerasnn.fit(model, {"left": X * 1e4, "right": X}, BITS, validation_split=0.25, verbose=0)
    assert_learned(layer, X[:30])


@pytest.mark.parametrize("structure", [dict, list])
def test_one_output_of_several(structure):
    inputs = keras.Input((3,))
    outputs = {
        name: Standardize(invert=True, name=name)(keras.layers.Dense(1)(inputs)) for name in "ba"
    }
    y = {"b": Y, "a": -5 * Y + 3}
    if structure is list:
        outputs, y = list(outputs.values()), list(y.values())
    model = keras.Model(inputs, outputs)
    model.compile("sgd", loss="mse")
    kerasnn.fit(model, X / 1e4, y, verbose=0)
    assert_learned(model.get_layer("b"), Y[:, None])
    assert_learned(model.get_layer("a"), -5 * Y[:, None] + 3)


def test_a_model_inside_of_a_model(refuses):
    inner = classifier()
    model = compiled([keras.Input((3,)), inner])
    with refuses(
        model,
        f"`standardize` has learned nothing yet, and what reaches it inside "
        f"`{model.name}` is not known before training. Call `adapt` of that layer before `fit`.",
    ):
        kerasnn.fit(model, X, BITS, verbose=0)
    inner.get_layer("standardize").adapt(X)
    kerasnn.fit(model, X, BITS, verbose=0)
    assert_learned(inner.get_layer("standardize"), X)


def test_a_subclassed_model(refuses):
    class Net(kerasnn.Model):
        def __init__(self):
            super().__init__()
            self.front, self.back = Standardize(name="front"), keras.layers.Dense(1)

        def call(self, x):
            return self.back(self.front(x))

    model = Net()
    model.compile("sgd", loss="mse")
    with refuses(model, "`front` has learned nothing yet, and what reaches it inside"):
        model.fit(X, BITS, verbose=0)
    model.front.adapt(X)
    model.fit(X, BITS, verbose=0)
    assert_learned(model.front, X)


def test_the_way_back_has_to_be_an_output(refuses):
    model = compiled(
        [keras.Input((3,)), Standardize(invert=True, name="back"), keras.layers.Dense(1)]
    )
    with refuses(model, "`back` has learned nothing yet, and what reaches it inside"):
        kerasnn.fit(model, X, BITS, verbose=0)
