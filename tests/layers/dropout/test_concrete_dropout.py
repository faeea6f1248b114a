"""ConcreteDropout: the formula, the added loss, and the learned rate."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasnn
from kerasnn import ops
from kerasnn.layers import ConcreteDropout

X = np.random.default_rng(0).normal(size=(40, 5)).astype("float32")


def test_the_value_by_hand():
    u = ops.random_uniform(X.shape, keras.random.SeedGenerator(3)).numpy().astype(float)
    p, temperature = 0.2, 0.5
    odds = np.log(p) - np.log(1 - p) + np.log(u) - np.log(1 - u)
    z = 1 / (1 + np.exp(-odds / temperature))
    y = ConcreteDropout(p, temperature=temperature, seed=3)(X, training=True)
    np.testing.assert_allclose(y, X * (1 - z) / (1 - p), rtol=1e-4, atol=1e-6)


def test_the_loss_is_the_negative_entropy():
    layer = ConcreteDropout(0.2, dropout_regularizer=0.1)
    layer(X)
    wanted = 0.1 * 5 * (0.2 * np.log(0.2) + 0.8 * np.log(0.8))
    assert [float(loss) for loss in layer.losses] == pytest.approx([wanted])


def test_the_gradient_of_the_rate_by_differences():
    def loss(logit, gradient=False):
        layer = ConcreteDropout(0.2, temperature=0.5, dropout_regularizer=0.1, seed=3)
        layer.build(X.shape)
        layer.logit.assign(logit)
        with tf.GradientTape() as tape:
            value = tf.reduce_sum(layer(X, training=True) ** 2) + layer.losses[0]
        return tape.gradient(value, layer.logit.value) if gradient else value

    keras.config.set_dtype_policy("float64")
    difference = (loss(-1.0 + 1e-5) - loss(-1.0 - 1e-5)) / 2e-5
    np.testing.assert_allclose(loss(-1.0, gradient=True), difference, rtol=1e-6)


@pytest.mark.parametrize(("noise", "above"), [(False, False), (True, True)])
def test_the_learned_rate_follows_the_data(noise, above):
    """If the inputs determine the target the rate falls; if they are irrelevant it rises."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(512, 5)).astype("float32")
    y = rng.normal(size=512) if noise else x.sum(axis=1)
    keras.utils.set_random_seed(0)
    layer = ConcreteDropout(0.3, dropout_regularizer=0.02)
    model = keras.Sequential([keras.Input((5,)), layer, keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.02), "mse")
    kerasnn.fit(model, x, y, epochs=30, engine="graph", verbose=0)
    assert (layer.rate_ > 0.3) == above
