"""The leaky rectifier, in its three kinds, against NumPy and Keras."""

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


@pytest.mark.parametrize("slope", [0, 0.01, 0.3, 1, 2.5])
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
    """It is chosen: zero counts as negative."""
    by_input, *_ = gradients(LeakyReLU(**options), [[-2.0], [-0.0], [0.0], [2.0]])
    np.testing.assert_allclose(by_input, [[0.25], [0.25], [0.25], [1]], rtol=1e-6)


def test_a_learned_slope_is_one_for_each_channel():
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


def test_training_finds_the_slope_of_the_data():
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


def test_a_random_slope_leaves_positive_inputs_alone():
    outputs = LeakyReLU(randomize=(0.1, 0.5))(X, training=True).numpy()
    np.testing.assert_array_equal(outputs[X > 0], X[X > 0])


def test_a_random_slope_is_its_mean_in_inference():
    layer = LeakyReLU(randomize=(0.125, 0.375))
    np.testing.assert_array_equal(layer(X).numpy(), LeakyReLU(0.25)(X).numpy())


def test_random_slopes_repeat_by_seed_and_differ_otherwise():
    first, again = LeakyReLU(randomize=(0, 1), seed=1), LeakyReLU(randomize=(0, 1), seed=1)
    draws = [layer(X, training=True).numpy() for layer in (first, again, first)]
    other = LeakyReLU(randomize=(0, 1), seed=2)(X, training=True).numpy()
    np.testing.assert_array_equal(draws[0], draws[1])
    assert (draws[0] != draws[2]).any()
    assert (draws[0] != other).any()


def test_the_gradient_of_a_random_slope_is_the_slope_that_was_drawn():
    layer = LeakyReLU(randomize=(0.1, 0.5), seed=4)
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
    np.testing.assert_allclose(tape.gradient(y, x), y / x, rtol=1e-5)


def test_nan_is_not_hidden():
    assert np.isnan(LeakyReLU()(np.array([np.nan], "float32")).numpy()).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"negative_slope": -1},
            r"`negative_slope` must be a finite number at least 0; got negative_slope=-1\. 0 is",
        ),
        ({"negative_slope": np.nan}, "`negative_slope` must be a finite number at least 0; got"),
        ({"negative_slope": None}, "got negative_slope=None"),
        ({"learn_slope": "yes"}, "`learn_slope` must be True or False; got learn_slope='yes'"),
        ({"randomize": 0.3}, r"`randomize` must be a pair of slopes, \(low, high\); got ran"),
        ({"randomize": (0.1, 0.2, 0.3)}, r"got randomize=\(0.1, 0.2, 0.3\)\. Xu et al\. use"),
        ({"randomize": (-0.1, 0.2)}, r"`randomize\[0\]` must be a finite number at least 0; got"),
        ({"randomize": (0.3, 0.3)}, r"`randomize\[1\]` must be a finite number above 0.3; got"),
        (
            {"randomize": (0.1, 0.2), "learn_slope": True},
            "`randomize` must be left out with learn_slope=True; .* either learned or random",
        ),
        (
            {"randomize": (0.1, 0.2), "negative_slope": 0.3},
            "`negative_slope` must be left out with `randomize`; got negative_slope=0.3. The mean",
        ),
        ({"seed": 3}, "`seed` must be left out where nothing is random; got seed=3. Give the b"),
        ({"seed": -1, "randomize": (0, 1)}, "`seed` must be a whole number of at least 0; got"),
    ],
)
def test_options_that_are_none(options, message):
    with pytest.raises(ValueError, match=message):
        LeakyReLU(**options)


def test_a_slope_for_channels_of_unknown_number():
    with pytest.raises(
        ValueError, match=r"`leak` needs a last axis of fixed size; got inputs of sh"
    ):
        LeakyReLU(learn_slope=True, name="leak")(keras.Input((3, None)))
