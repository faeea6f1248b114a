"""Threshold: exact outputs, and its surrogate gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasnn
from kerasnn.layers import Threshold

POINTS = np.array([-3, -1, -0.5, -1e-7, 0, 1e-7, 0.25, 0.5, 1, 1.5, 3], "float32")


def sigmoid(u):
    return 1 / (1 + np.exp(-u))


GRADIENTS = {
    "identity": np.ones_like,
    "sigmoid": lambda u: sigmoid(u) * (1 - sigmoid(u)),
    "triangle": lambda u: np.maximum(0, 1 - np.abs(u)),
    "none": np.zeros_like,
}


@pytest.mark.parametrize("surrogate", GRADIENTS)
@pytest.mark.parametrize("theta", [0.0, -2.5, 0.1, 1e-30])
def test_outputs_are_1_above_theta_and_0_at_it(surrogate, theta):
    layer = Threshold(theta, surrogate=surrogate)
    at = np.float32(theta)
    above, below = np.nextafter(at, np.float32(np.inf)), np.nextafter(at, np.float32(-np.inf))
    inputs = np.array([below, at, above, at - 1e7, at + 1e7], "float32")
    if theta == 0:
        # The numbers next to 0 are denormal, which TensorFlow treats as 0.
        inputs[[0, 2]] = [-1.2e-38, 1.2e-38]
    np.testing.assert_array_equal(layer(inputs).numpy(), [0, 0, 1, 0, 1])


@pytest.mark.parametrize("surrogate", GRADIENTS)
def test_outputs_are_exactly_0_or_1(surrogate):
    z = np.random.default_rng(0).normal(size=100_000).astype("float32") * 100
    outputs = Threshold(0.3, surrogate=surrogate)(z).numpy()
    np.testing.assert_array_equal(outputs, (z > np.float32(0.3)).astype("float32"))


@pytest.mark.parametrize(("jit", "theta"), [(False, 0.0), (True, 0.5)])
@pytest.mark.parametrize("surrogate", GRADIENTS)
def test_gradients(surrogate, theta, jit):
    layer = Threshold(theta, surrogate=surrogate, trainable=True)
    upstream = np.arange(1, len(POINTS) + 1, dtype="float32")

    @tf.function(jit_compile=jit)
    def gradients(z):
        with tf.GradientTape() as tape:
            tape.watch(z)
            loss = tf.reduce_sum(layer(z) * upstream)
        return tape.gradient(
            loss, [z, layer.trainable_variables[0].value], unconnected_gradients="zero"
        )

    by_input, by_theta = gradients(tf.constant(POINTS))
    wanted = GRADIENTS[surrogate](POINTS - np.float32(theta)) * upstream
    np.testing.assert_allclose(by_input, wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(by_theta, -wanted.sum(), rtol=1e-5, atol=1e-5)


def test_theta_is_trainable_on_request_only():
    assert Threshold(0.5).trainable_variables == []
    assert len(Threshold(0.5, trainable=True).trainable_variables) == 1


def test_training_learns_theta():
    """The surrogate gradient moves theta to where the labels change."""
    x = np.linspace(0, 1, 50)[:, None].astype("float32")
    y = (x > 0.7).astype("float32")
    model = kerasnn.Sequential([keras.Input((1,)), Threshold(0.0, trainable=True)])
    model.compile(keras.optimizers.SGD(0.05), loss="mse")
    model.fit(x, y, epochs=60, batch_size=50, engine="graph", verbose=0)
    np.testing.assert_array_equal(model(x).numpy(), y)


@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool", "float64", "float16"])
def test_inputs_of_other_types(dtype):
    """A threshold of 0.5 is between 0 and 1 for integers too."""
    inputs = tf.cast(tf.constant([0, 1]), dtype)
    outputs = Threshold(0.5)(inputs)
    assert outputs.dtype == "float32"
    np.testing.assert_array_equal(outputs.numpy(), [0, 1])


def test_nan_stays_nan():
    assert np.isnan(Threshold()(np.array([np.nan], "float32")).numpy()).all()


def test_an_unknown_surrogate(invalid):
    with invalid("surrogate", value="sigmiod") as caught:
        Threshold(surrogate="sigmiod")
    assert "`sigmoid`" in caught.value.hint
