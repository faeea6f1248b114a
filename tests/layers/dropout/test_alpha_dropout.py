"""AlphaDropout: mean and variance of SELU's outputs are preserved."""

import keras
import numpy as np
import pytest

from kerasnn import models, ops
from kerasnn.layers import AlphaDropout, Dropout

X = np.random.default_rng(0).normal(size=(100, 100)).astype("float32")


@pytest.mark.parametrize("rate", [0.05, 0.5])
def test_the_value_mean_and_variance_by_hand(rate):
    """Mean and variance are within 4 standard errors of 0 and 1."""
    kept = ops.random_uniform(X.shape, keras.random.SeedGenerator(3)).numpy() >= rate
    alpha, scale = 1.6732632423543772, 1.0507009873554805
    lowest, q = -alpha * scale, 1 - rate
    a = (q + lowest**2 * q * rate) ** -0.5
    b = -a * rate * lowest
    y = AlphaDropout(rate, seed=3)(X, training=True).numpy()
    np.testing.assert_allclose(y, a * np.where(kept, X, lowest) + b, rtol=1e-5, atol=1e-6)
    assert abs(y.mean()) < 4 / np.sqrt(X.size)
    assert abs(y.var() - 1) < 4 * (y**2).std() / np.sqrt(X.size)


def test_the_two_values_of_0_are_those_of_keras():
    ours, theirs = (
        np.unique(kind(0.3, seed=1)(np.zeros((100, 1)), training=True))
        for kind in (AlphaDropout, keras.layers.AlphaDropout)
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_builders_use_it_after_selu():
    model = models.mlp(
        3, task="regression", hidden=(4, 4), activation=("selu", "relu"), dropout=0.2
    )
    kinds = {name: type(model.get_layer(name)) for name in ("dropout_1", "dropout_2")}
    assert kinds == {"dropout_1": AlphaDropout, "dropout_2": Dropout}


def test_deep_selu_networks_keep_their_scale():
    """After 20 layers of SELU the variance is still about 1."""
    x = X
    for i in range(20):
        initializer = keras.initializers.LecunNormal(seed=i)
        x = keras.layers.Dense(100, "selu", kernel_initializer=initializer)(x)
        x = AlphaDropout(0.1, seed=i)(x, training=True)
    assert abs(x.numpy().mean()) < 0.2
    assert 0.7 < x.numpy().var() < 1.3


def test_a_noise_shape_shares_masks():
    y = AlphaDropout(0.5, noise_shape=(None, 1), seed=1)(np.zeros((50, 4)), training=True).numpy()
    np.testing.assert_array_equal(y, np.repeat(y[:, :1], 4, axis=1))
    assert len(np.unique(y)) == 2
