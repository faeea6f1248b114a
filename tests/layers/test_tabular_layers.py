"""Layers for tables: rates by group, robust scaling, and what is learned from training rows."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.preprocessing import RobustScaler

import kerasnn
from kerasnn import layers

RNG = np.random.default_rng(0)
X = (RNG.standard_t(2, size=(200, 3)) * [1, 100, 0.01] + [0, 5, 1e3]).astype("float32")


def adapted(data, **options):
    layer = layers.RobustScale(**options)
    layer.adapt(data)
    return layer


def test_a_factor_is_one_of_adams_learning_rate():
    """The first step of Adam changes each number by the learning rate."""
    embedding, scale = layers.PeriodicEmbedding(rate_factor=0.2, seed=0), layers.Scale()
    dense, activation = layers.NTKDense(8), layers.ParametricActivation("tanh")
    model = keras.Sequential([keras.Input((3,)), embedding, scale, dense, activation])
    model.compile(keras.optimizers.Adam(0.01, epsilon=1e-12), loss="mse")

    def effective():
        weights = {
            0.2: embedding.projection * 0.2,
            6.0: scale.scale * 6.0,
            1.0: dense.kernel * 1.0,
            0.1: dense.bias * 0.1,
        }
        return {**weights, 0.1000001: activation.strength * 0.1}

    before = effective()
    model.train_on_batch(RNG.normal(1, 1, size=(50, 3)), RNG.normal(5, 1, size=(50, 8)))
    for factor, after in effective().items():
        change = np.abs(after - before[factor])
        np.testing.assert_allclose(change, 0.01 * factor, rtol=1e-2, err_msg=str(factor))


def test_an_ntk_kernel_gives_outputs_of_order_one_at_every_width():
    for width in (10, 1000):
        z = layers.NTKDense(500, bias_initializer="zeros")(RNG.normal(size=(200, width)))
        np.testing.assert_allclose(np.std(z), 1, atol=0.1)


def test_weights_by_data():
    """Outputs before the activation have deviation 1, and 0 lies within the data of each unit."""
    rows = RNG.normal(size=(300, 4)) @ RNG.normal(size=(4, 6)) + 3
    layer, same = (layers.NTKDense(50, data_driven=True, seed=1) for _ in range(2))
    same.build((None, 6))
    layer.build((None, 6))
    same.set_weights(layer.get_weights())
    layer.adapt(rows)
    same.adapt(iter(np.array_split(rows, 7)))
    for a, b in zip(layer.get_weights(), same.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)
    z = layer(rows).numpy()
    np.testing.assert_allclose(z.std(axis=0), 1, rtol=1e-4)
    assert ((z.min(axis=0) < 0) & (z.max(axis=0) > 0)).all()
    assert np.std(z.mean(axis=0)) > 0.2


def test_weights_by_many_rows():
    """Every second or fourth row of a long table stands for it, wherever its batches end."""
    rows = np.linspace(-1, 1, 30_000)[:, None]
    found = []
    for parts in (1, 11):
        layer = layers.NTKDense(3, kernel_initializer="ones", data_driven=True, seed=1)
        layer.adapt(iter(np.array_split(rows, parts)))
        assert int(layer.count) == 30_000
        found.append(layer.kernel.numpy())
    np.testing.assert_allclose(found, 1 / rows.std(), rtol=1e-3)


def test_the_first_fit_sets_weights_by_data():
    dense = layers.NTKDense(5, data_driven=True, seed=0)
    model = kerasnn.Sequential([keras.Input((3,)), layers.RobustScale(), dense])
    model.compile(keras.optimizers.SGD(0.0), loss="mse")
    model.fit(X, np.zeros((200, 5)), verbose=0)
    np.testing.assert_allclose(model(X).numpy().std(axis=0), 1, rtol=1e-4)
    kernel = dense.kernel.numpy()
    model.fit(X[:50], np.zeros((50, 5)), verbose=0)
    np.testing.assert_array_equal(dense.kernel, kernel)


def test_weights_by_no_data(invalid):
    with pytest.raises(ValueError, match="data_driven=True"):
        layers.NTKDense(2).adapt(X)
    for data in (X[:0], np.where(X > 1000, np.inf, X), X.astype(str)):
        with invalid("data"):
            layers.NTKDense(2, data_driven=True).adapt(data)


@pytest.mark.parametrize("batches", [1, 3])
def test_robust_scale_against_scikit_learn(batches):
    layer = adapted(iter(np.array_split(X, batches)), clip=None)
    wanted = RobustScaler().fit_transform(X)
    np.testing.assert_allclose(layer(X), wanted, rtol=1e-4, atol=1e-4)
    assert int(layer.count) == 200
    bounded = adapted(X, clip=2.0)(X)
    np.testing.assert_allclose(bounded, wanted / np.sqrt(1 + wanted**2 / 4), rtol=1e-4, atol=1e-4)
    assert np.abs(bounded).max() < 2


def test_features_without_quartiles():
    """Where the quartiles are equal the range counts; a constant becomes 0."""
    data = np.array([[1.0, 7.0]] * 9 + [[5.0, 7.0]])
    scaled = adapted(data, clip=None)(data)
    np.testing.assert_allclose(scaled[:, 0], [0] * 9 + [2])
    np.testing.assert_array_equal(scaled[:, 1], np.zeros(10))


def test_outliers_do_not_move_it():
    one, other = X.copy(), X.copy()
    other[X.argmax(axis=0), range(3)] = 1e6
    for a, b in zip(adapted(one).get_weights(), adapted(other).get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_first_fit_adapts_it_to_the_training_rows():
    front = layers.RobustScale()
    model = kerasnn.Sequential([keras.Input((3,)), front, keras.layers.Dense(1)])
    model.compile("sgd", loss="mse")
    y = np.zeros(200)
    model.fit(X[:100], y[:100], validation_data=(X, y), verbose=0)
    np.testing.assert_allclose(front.median, np.median(X[:100], axis=0), rtol=1e-6)
    model.fit(X, y, verbose=0)
    np.testing.assert_allclose(front.median, np.median(X[:100], axis=0), rtol=1e-6)
    front.reset()
    assert not front.adapted
    model.fit(X, y, verbose=0)
    np.testing.assert_allclose(front.median, np.median(X, axis=0), rtol=1e-6)


def test_masked_steps_do_not_count():
    padded = np.zeros((50, 8, 3), "float32")
    padded[:, :4] = X.reshape(50, 4, 3)
    layer = adapted(keras.layers.Masking(0.0)(padded))
    np.testing.assert_allclose(layer.median, np.median(X, axis=0), rtol=1e-6)


@pytest.mark.parametrize(
    "data",
    [
        np.zeros((0, 3)),
        np.where(X > 1000, np.nan, X),
        X.astype(str),
        5.0,
        tf.sparse.from_dense(X),
    ],
    ids=["no rows", "NaN", "text", "number", "sparse"],
)
def test_data_that_is_refused(data, invalid):
    layer = layers.RobustScale(name="front")
    with invalid("data"):
        layer.adapt(data)
    assert not layer.adapted


def test_another_width(invalid):
    layer = adapted(X)
    with invalid("data"):
        layer.adapt(X[:, :2])
    with invalid(layer.name):
        layer.adapt(1e9 + np.random.default_rng(0).normal(size=(50, 3)))


@pytest.mark.parametrize("kind", [layers.RobustScale, layers.PeriodicEmbedding])
def test_positions_beyond_the_features(kind, invalid):
    with invalid("skip", value=3):
        kind(skip=(3,)).build((None, 3))
