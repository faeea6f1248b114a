"""Perceptron: its three formulations, and conversion between them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasnn.layers import Perceptron

FORMULATIONS = ("bias", "threshold", "weight")
RNG = np.random.default_rng(0)
# Integers, so that sums are exact, ties included.
X = RNG.integers(-5, 6, size=(200, 4)).astype("float32")
W = RNG.integers(-3, 4, size=(4, 2)).astype("float32")
B = np.array([-2.0, 1.0], "float32")


def unit(formulation):
    layer = Perceptron(2, formulation=formulation)
    layer.build((None, 4))
    layer.set_weights(
        {"bias": [W, B], "threshold": [W, -B], "weight": [np.vstack([W, B])]}[formulation]
    )
    return layer


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_by_hand(formulation):
    wanted = (X @ W + B > 0).astype("float32")
    assert 0 < wanted.mean() < 1
    assert (X @ W + B == 0).any(), "there are ties"
    np.testing.assert_array_equal(unit(formulation)(X).numpy(), wanted)
    more_axes = unit(formulation)(X.reshape(10, 20, 4)).numpy()
    np.testing.assert_array_equal(more_axes.reshape(200, 2), wanted)


@pytest.mark.parametrize("one", FORMULATIONS)
@pytest.mark.parametrize("other", FORMULATIONS)
def test_conversion_keeps_the_outputs(one, other):
    converted = unit(one).convert(other)
    assert converted.formulation == other
    assert converted.units == 2
    np.testing.assert_array_equal(converted(X).numpy(), unit(one)(X).numpy())
    for got, wanted in zip(converted.get_weights(), unit(other).get_weights(), strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_conversion_copies_the_weights():
    layer = unit("bias")
    converted = layer.convert("bias")
    converted.kernel.assign(np.zeros((4, 2)))
    np.testing.assert_array_equal(layer.get_weights()[0], W)


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_the_gradient_of_the_absolute_error_is_rosenblatts_rule(formulation):
    """d|y - y_hat| / dw = (y_hat - y) x, in every formulation."""
    layer = unit(formulation)
    y = RNG.integers(0, 2, size=(200, 2)).astype("float32")
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.abs(y - layer(X)))
    got = [g.numpy() for g in tape.gradient(loss, [v.value for v in layer.trainable_variables])]
    error = (X @ W + B > 0) - y
    by_kernel, by_bias = X.T @ error, error.sum(axis=0)
    wanted = {
        "bias": [by_kernel, by_bias],
        "threshold": [by_kernel, -by_bias],
        "weight": [np.vstack([by_kernel, by_bias])],
    }[formulation]
    for one, other in zip(got, wanted, strict=True):
        np.testing.assert_allclose(one, other)


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_initial_weights_are_0(formulation):
    layer = Perceptron(3, formulation=formulation)
    layer.build((None, 4))
    assert all((weight == 0).all() for weight in layer.get_weights())
    np.testing.assert_array_equal(layer(X[:2]).numpy(), np.zeros((2, 3)))


def test_another_initializer():
    layer = Perceptron(2, kernel_initializer=keras.initializers.RandomNormal(seed=1))
    layer.build((None, 4))
    assert len(np.unique(layer.get_weights()[0])) == 8


def test_an_unknown_formulation(invalid):
    with invalid("formulation", value="bais") as caught:
        unit("bias").convert("bais")
    assert "`bias`" in caught.value.hint


def test_conversion_needs_weights():
    with pytest.raises(ValueError, match="`unit` has no weights yet"):
        Perceptron(1, name="unit").convert("weight")
