"""GaussianDropout: the noise, its mean and its variance."""

import keras
import numpy as np
import pytest

from kerasnn import ops
from kerasnn.layers import GaussianDropout


@pytest.mark.parametrize("sides", [(3,), (3, 2), (3, 2, 2), (3, 2, 2, 2)])
def test_the_value_by_hand(sides):
    x = np.random.default_rng(0).normal(size=(8, *sides)).astype("float32")
    u, v = ops.random_uniform((2, *x.shape), keras.random.SeedGenerator(3)).numpy().astype(float)
    noise = np.sqrt(-2 * np.log(1 - u)) * np.cos(2 * np.pi * v)
    y = GaussianDropout(0.2, seed=3)(x, training=True)
    np.testing.assert_allclose(y, x * (1 + 0.5 * noise), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_variance_is_that_of_dropout(rate):
    y = GaussianDropout(rate, seed=1)(np.ones((10_000, 1), "float32"), training=True).numpy()
    squares = (y - 1) ** 2
    assert abs(squares.mean() - rate / (1 - rate)) < 4 * squares.std() / 100
