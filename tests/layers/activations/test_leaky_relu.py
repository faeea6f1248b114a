"""Leaky ReLU with fixed, learned and random slopes, against NumPy and Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasnn
from kerasnn.layers import LeakyReLU

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 4, 3)).astype("float32")


def gradients(layer, x, training=False):
    x = tf.constant(x, "float32")
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(layer(x, training=training))
    return [g.numpy() for g in tape.gradient(loss, [x, *(w.value for w in layer.weights)])]


@pytest.mark.parametrize("slope", [0, 0.3, 2.5])
def test_a_fixed_slope(slope):
    wanted = np.where(X > 0, X, np.float32(slope) * X)
    np.testing.assert_array_equal(LeakyReLU(slope)(X).numpy(), wanted)
    np.testing.assert_allclose(LeakyReLU(slope)(X), keras.layers.LeakyReLU(slope)(X), rtol=1e-6)


def test_the_default_slope():
    np.testing.assert_allclose(LeakyReLU()(np.array([-1.0, 1.0])), [-0.01, 1], rtol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"negative_slope": 0.25},
        {"negative_slope": 0.25, "learn_slope": True},
        {"randomize": (0.2, 0.3)},
    ],
)
def test_the_gradient_at_zero_is_the_slope(options):
    """Chosen: zero counts as negative."""
    by_input, *_ = gradients(LeakyReLU(**options), [[-2.0], [-0.0], [0.0], [2.0]])
    np.testing.assert_allclose(by_input, [[0.25], [0.25], [0.25], [1]], rtol=1e-6)


def test_each_channel_has_its_own_learned_slope():
    layer = LeakyReLU(0.25, learn_slope=True)
    layer(X)
    np.testing.assert_array_equal(layer.get_weights(), [[0.25] * 3])
    slopes = np.array([0.1, 0.2, -0.5], "float32")
    layer.set_weights([slopes])
    np.testing.assert_array_equal(layer(X).numpy(), np.where(X > 0, X, X * slopes))
    keras_layer = keras.layers.PReLU(shared_axes=[1])
    keras_layer.build(X.shape)
    keras_layer.set_weights([slopes[None]])
    np.testing.assert_allclose(layer(X), keras_layer(X), rtol=1e-6)


def test_the_gradient_of_a_learned_slope():
    layer = LeakyReLU(0.25, learn_slope=True)
    layer(X)
    by_input, by_slope = gradients(layer, X)
    np.testing.assert_array_equal(by_input, np.where(X > 0, np.float32(1), np.float32(0.25)))
    np.testing.assert_allclose(by_slope, np.minimum(X, 0).sum(axis=(0, 1)), rtol=1e-5)


def test_training_learns_the_slope_of_the_data():
    x = np.linspace(-1, 1, 64)[:, None].astype("float32")
    model = kerasnn.Sequential([keras.Input((1,)), LeakyReLU(0.25, learn_slope=True)])
    model.compile(keras.optimizers.SGD(1.0), loss="mse")
    model.fit(x, np.where(x > 0, x, 0.6 * x), epochs=30, batch_size="full", verbose=0)
    np.testing.assert_allclose(model.get_weights()[0], [0.6], atol=1e-3)


def test_a_random_slope_is_uniform_in_training():
    x = -np.ones((20_000, 5), "float32")
    slopes = -LeakyReLU(randomize=(0.1, 0.5), seed=0)(x, training=True).numpy().ravel()
    assert slopes.min() >= 0.1
    assert slopes.max() < 0.5
    # Four standard errors of 100,000 draws from a uniform distribution of width 0.4.
    deviation = 0.4 / np.sqrt(12)
    np.testing.assert_allclose(slopes.mean(), 0.3, atol=4 * deviation / np.sqrt(1e5))
    counts = np.histogram(slopes, bins=10, range=(0.1, 0.5))[0]
    np.testing.assert_allclose(counts, 1e4, atol=4 * np.sqrt(1e5 * 0.1 * 0.9))


def test_a_random_slope_is_its_mean_in_inference():
    layer = LeakyReLU(randomize=(0.125, 0.375))
    np.testing.assert_array_equal(layer(X).numpy(), LeakyReLU(0.25)(X).numpy())


def test_random_slopes_repeat_with_the_same_seed_only():
    first, again = LeakyReLU(randomize=(0, 1), seed=1), LeakyReLU(randomize=(0, 1), seed=1)
    draws = [layer(X, training=True).numpy() for layer in (first, again, first)]
    other = LeakyReLU(randomize=(0, 1), seed=2)(X, training=True).numpy()
    np.testing.assert_array_equal(draws[0], draws[1])
    assert (draws[0] != draws[2]).any()
    assert (draws[0] != other).any()
    np.testing.assert_array_equal(draws[0][X > 0], X[X > 0])


def test_the_gradient_is_the_drawn_slope():
    layer = LeakyReLU(randomize=(0.1, 0.5), seed=4)
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
    np.testing.assert_allclose(tape.gradient(y, x), y / x, rtol=1e-5)


def test_nan_stays_nan():
    assert np.isnan(LeakyReLU()(np.array([np.nan], "float32")).numpy()).all()


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"randomize": (-0.1, 0.2)}, "randomize[0]"),
        ({"randomize": (0.3, 0.3)}, "randomize[1]"),
        ({"randomize": (0.1, 0.2), "learn_slope": True}, "randomize"),
        ({"randomize": (0.1, 0.2), "negative_slope": 0.3}, "negative_slope"),
        ({"seed": 3}, "seed"),
    ],
)
def test_options_that_contradict_each_other(options, argument, invalid):
    with invalid(argument):
        LeakyReLU(**options)


def test_the_number_of_channels_must_be_known(invalid):
    with invalid("inputs", value=(None, 3, None)):
        LeakyReLU(learn_slope=True, name="leak")(keras.Input((3, None)))
