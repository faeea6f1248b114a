"""Statistics of Standardize ignore masked steps of sequences."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as keras_layers

import kerasnn
from kerasnn.layers import Standardize

RNG = np.random.default_rng(0)
SEQUENCES = [RNG.normal(1013, 2, size=(steps, 2)) for steps in RNG.integers(1, 9, 30)]
STEPS = np.concatenate(SEQUENCES)
X = keras.utils.pad_sequences(SEQUENCES, dtype="float32", padding="post")
Y = np.arange(30) % 2


def assert_statistics(layer, values):
    np.testing.assert_allclose(np.ravel(layer.mean), values.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(np.ravel(layer.variance), values.var(axis=0), rtol=1e-5)


def masked():
    return keras_layers.Masking(0.0)(X)


@pytest.mark.parametrize("batches", [1, 2, 30])
def test_adapt(batches):
    layer = Standardize()
    mask = keras_layers.Masking(0.0)
    layer.adapt(mask(batch) for batch in np.array_split(X, batches))
    assert_statistics(layer, STEPS)


def test_adapt_to_one_tensor():
    layer = Standardize()
    layer.adapt(masked())
    assert_statistics(layer, STEPS)
    assert int(layer.count) == 30


def test_statistics_of_each_step():
    layer = Standardize(axis=(1, 2))
    layer.adapt(masked())
    for step in range(X.shape[1]):
        there = np.array([s[step] for s in SEQUENCES if len(s) > step])
        np.testing.assert_allclose(layer.mean[0, step], there.mean(axis=0), rtol=1e-6)
        np.testing.assert_allclose(layer.variance[0, step], there.var(axis=0), rtol=1e-4, atol=1e-6)


def test_data_that_is_masked_as_a_whole(invalid):
    layer = Standardize(name="front")
    with invalid("data", value=3):
        layer.adapt(keras_layers.Masking(0.0)(np.zeros((3, 4, 2), "float32")))
    assert not layer.adapted


@pytest.mark.parametrize("stream", [False, True])
def test_the_first_fit(stream):
    """Also with other layers between the mask and the statistics."""
    front, behind = Standardize(), Standardize()
    model = keras.Sequential(
        [
            keras.Input((None, 2)),
            keras_layers.Masking(0.0),
            front,
            keras_layers.Rescaling(3.0, offset=1.0),
            behind,
            keras_layers.GRU(2),
            keras_layers.Dense(1),
        ]
    )
    model.compile("sgd", loss="mse")
    if stream:
        batches = tf.data.Dataset.from_tensor_slices((X, Y)).batch(7)
        kerasnn.fit(model, batches, engine="keras", verbose=0)
    else:
        kerasnn.fit(model, X, Y, engine="keras", verbose=0)
    assert_statistics(front, STEPS)
    z = (STEPS - STEPS.mean(axis=0)) / STEPS.std(axis=0)
    np.testing.assert_allclose(np.ravel(behind.mean), 1, atol=1e-4)
    np.testing.assert_allclose(np.ravel(behind.variance), (3 * z + 1).var(axis=0), rtol=1e-4)


def test_the_mask_of_an_embedding():
    layer = Standardize()
    embedding = keras_layers.Embedding(5, 2, mask_zero=True)
    model = keras.Sequential([keras.Input((None,)), embedding, layer, keras_layers.LSTM(2)])
    model.compile(keras.optimizers.SGD(0.0), loss="mse")
    kerasnn.fit(model, np.array([[1, 2, 0, 0], [3, 4, 1, 2]]), np.zeros((2, 2)), verbose=0)
    rows = embedding.get_weights()[0][[1, 2, 3, 4, 1, 2]]
    assert_statistics(layer, rows.astype("float64"))


def test_targets_behind_a_mask():
    """The loss ignores them, and so do their statistics."""
    targets = [100 + s[:, :1] for s in SEQUENCES]
    y = keras.utils.pad_sequences(targets, dtype="float32", padding="post")
    units = Standardize(invert=True)
    model = keras.Sequential(
        [
            keras.Input((None, 2)),
            keras_layers.Masking(0.0),
            keras_layers.SimpleRNN(2, return_sequences=True),
            keras_layers.Dense(1),
            units,
        ]
    )
    model.compile("sgd", loss="mse")
    kerasnn.fit(model, X, y, engine="keras", verbose=0)
    assert_statistics(units, np.concatenate(targets))
    there = (X != 0).any(axis=-1)
    squares = np.square(model.predict(X, verbose=0) - y)[there]
    np.testing.assert_allclose(model.evaluate(X, y, verbose=0), squares.mean(), rtol=1e-5)
