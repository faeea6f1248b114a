"""Dropout: the dropped inputs, their number, and repetition by seeds."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasnn
from kerasnn.layers import Dropout

X = np.random.default_rng(0).normal(size=(64, 100)).astype("float32") + 5


def steps(layer, count, x=X):
    return [layer(x, training=True).numpy() for _ in range(count)]


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_kept_inputs_are_scaled_and_the_others_are_0(rate):
    [y] = steps(Dropout(rate, seed=1), 1)
    kept = y != 0
    np.testing.assert_allclose(y[kept], X[kept] / (1 - rate), rtol=1e-6)
    # Four standard deviations of the fraction of 6,400 Bernoulli variables.
    assert abs(kept.mean() - (1 - rate)) < 4 * np.sqrt(rate * (1 - rate) / X.size)


def test_the_expectation_is_the_input():
    layer = Dropout(0.3, seed=1)
    [y] = steps(layer, 1, np.ones((500, 8, 16), "float32"))
    mean = y.mean(axis=0)
    deviation = np.sqrt(0.3 / 0.7 / 500)
    assert np.abs(mean - 1).max() < 5 * deviation
    assert abs(mean.mean() - 1) < 5 * deviation / np.sqrt(mean.size)


def test_the_gradient_has_the_same_mask():
    layer, x = Dropout(0.5, seed=1), tf.Variable(X)
    with tf.GradientTape() as tape:
        y = layer(x, training=True)
    np.testing.assert_allclose(tape.gradient(y, x), np.where(y.numpy() != 0, 2, 0))


def test_steps_are_independent():
    """Masks of different steps agree as often as independent ones."""
    masks = np.array(steps(Dropout(0.5, seed=1), 20)) != 0
    for a in range(20):
        for b in range(a):
            assert abs((masks[a] == masks[b]).mean() - 0.5) < 5 * 0.5 / np.sqrt(X.size)


def test_neighbours_are_independent():
    [y] = steps(Dropout(0.5, seed=1), 1)
    mask = (y != 0).astype(float)
    for other in (np.roll(mask, 1, axis=0), np.roll(mask, 1, axis=1)):
        assert abs(np.corrcoef(mask.ravel(), other.ravel())[0, 1]) < 5 / np.sqrt(X.size)


def test_a_graph_draws_a_new_mask_at_each_call():
    layer = Dropout(0.5, seed=1)
    program = tf.function(lambda x: layer(x, training=True))
    first, second = program(X).numpy(), program(X).numpy()
    assert (first != second).any()
    np.testing.assert_array_equal([first, second], steps(Dropout(0.5, seed=1), 2))


def test_a_noise_shape_drops_whole_slices():
    x = np.ones((6, 5, 40), "float32")
    layer = Dropout(0.5, noise_shape=(None, 1, None), seed=1)
    y = layer(x, training=True).numpy()
    np.testing.assert_array_equal(y, np.repeat(y[:, :1], 5, axis=1))
    assert set(np.unique(y)) == {0, 2}
    assert 0.3 < y.mean() / 2 < 0.7


def test_a_refused_rate_comes_with_a_hint(invalid):
    with invalid("rate", value=1) as caught:
        Dropout(1)
    assert "use 0" in caught.value.hint


@pytest.mark.parametrize("noise_shape", [(None,), (None, 3), (1, 1, 1)])
def test_a_noise_shape_that_does_not_fit_the_inputs(noise_shape, invalid):
    with invalid("noise_shape"):
        Dropout(0.5, noise_shape=noise_shape)(X, training=True)


@pytest.mark.parametrize("engine", ["graph", "xla", "keras"])
def test_an_annealed_rate(engine):
    """It stays for half of a training, falls to 0, and is back after it."""
    layer, dropped = Dropout(0.5, anneal=True, seed=0), []

    class Watch(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            done, length = float(layer.done), float(layer.length)
            dropped.append((done, length, float((layer(ones, training=True) == 0).numpy().mean())))
            layer.done.assign(done)

    ones = np.ones((4, 5000), "float32")
    model = kerasnn.Sequential([keras.Input((3,)), layer, keras.layers.Dense(1)])
    model.compile("sgd", loss="mse")
    x, y = np.ones((8, 3)), np.ones((8, 1))
    watch = Watch()
    model.fit(x, y, batch_size=4, epochs=8, verbose=0, engine=engine, callbacks=[watch])
    wanted = [0.5] * 5 + [0.25 * (1 + np.cos(np.pi * part)) for part in (0.25, 0.5, 0.75)]
    # The callback of the user comes before the one that begins.
    assert [entry[:2] for entry in dropped[1:]] == [(2.0 * i, 16.0) for i in range(1, 8)]
    np.testing.assert_allclose([entry[2] for entry in dropped], wanted, atol=0.02)
    assert float(layer.length) == 0
    assert 0.45 < float((layer(ones, training=True) == 0).numpy().mean()) < 0.55
