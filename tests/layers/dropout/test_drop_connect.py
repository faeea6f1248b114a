"""DropConnect: a dense layer with weights dropped for each example."""

import keras
import numpy as np
import pytest

from kerasnn import ops
from kerasnn.layers import DropConnect

RNG = np.random.default_rng(0)


def made(sides=(), **kwargs):
    layer = DropConnect(3, 0.4, seed=3, activation="tanh", **kwargs)
    x = RNG.normal(size=(6, *sides, 4)).astype("float32")
    layer.build(x.shape)
    layer.set_weights([RNG.normal(size=w.shape) for w in layer.get_weights()])
    return layer, x


@pytest.mark.parametrize("sides", [(), (5,), (2, 3)])
def test_the_value_by_hand(sides):
    layer, x = made(sides)
    kernel, bias = layer.get_weights()
    generator = keras.random.SeedGenerator(3)
    kernels = kernel * (ops.random_uniform((6, 4, 3), generator).numpy() >= 0.4) / 0.6
    biases = bias * (ops.random_uniform((6, 1, 3), generator).numpy() >= 0.4)[:, 0] / 0.6
    wanted = [np.tanh(row @ k + b) for row, k, b in zip(x, kernels, biases, strict=True)]
    np.testing.assert_allclose(layer(x, training=True), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("use_bias", [True, False])
def test_inference_is_a_dense_layer(use_bias):
    layer, x = made((5,), use_bias=use_bias)
    dense = keras.layers.Dense(3, activation="tanh", use_bias=use_bias)
    dense.build(x.shape)
    dense.set_weights(layer.get_weights())
    np.testing.assert_allclose(layer(x), dense(x), rtol=1e-5, atol=1e-6)


def test_the_penalty_is_on_the_kernel():
    layer = DropConnect(1, 0.5, kernel_initializer="ones", kernel_regularizer="l2")
    layer.build((None, 3))
    assert [float(loss) for loss in layer.losses] == pytest.approx([0.03])
