"""Standardize against scikit-learn and NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.preprocessing import StandardScaler

from kerasnn.layers import Standardize

RNG = np.random.default_rng(0)
X = RNG.normal(size=(1000, 4)) * [1, 1e3, 1e-3, 1] + [0, 5, 1e3, -1e4]


def learned(layer):
    return np.ravel(layer.mean), np.ravel(layer.variance), int(layer.count)


def test_against_scikit_learn():
    layer, scaler = Standardize(), StandardScaler()
    layer.adapt(X)
    wanted = scaler.fit_transform(X)
    np.testing.assert_allclose(layer.mean[0], scaler.mean_, rtol=1e-6)
    np.testing.assert_allclose(layer.variance[0], scaler.var_, rtol=1e-6)
    x = X.astype("float32")
    # The rounding of the inputs to float32.
    lost = np.abs(x - X).max(axis=0) / scaler.scale_
    assert (np.abs(layer(x).numpy() - wanted) <= 1e-5 + 2 * lost).all()


def test_compress_against_numpy():
    """Forty standard deviations become less than eleven; within three nothing changes."""
    layer = Standardize(compress=3.0)
    layer.adapt([[-1.0], [1.0]])
    x = np.array([-40.0, -3.0, -2.9, 0.0, 1.0, 3.0, 3.1, 40.0, np.inf], "float32")
    size = np.abs(x)
    with np.errstate(divide="ignore", invalid="ignore"):
        wanted = np.where(size > 3, np.sign(x) * 3 * (1 + np.log(size / 3)), x)
    y = layer(x[:, None]).numpy()[:, 0]
    np.testing.assert_allclose(y, wanted, rtol=1e-6)
    np.testing.assert_array_equal(y[1:6], x[1:6])
    assert (np.diff(y) > 0).all()


def test_compress_is_smooth():
    x = tf.constant([[2.999], [3.001]])
    layer = Standardize(compress=3.0)
    layer.adapt([[-1.0], [1.0]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
    np.testing.assert_allclose(tape.gradient(y, x), 1.0, rtol=1e-3)


def test_compress_excludes_invert(invalid):
    with invalid("compress", value=3.0):
        Standardize(compress=3.0, invert=True)


def test_a_layer_that_compresses_has_no_inverse():
    layer = Standardize(compress=3.0, name="front")
    layer.adapt(X)
    with pytest.raises(ValueError, match="`front` compresses beyond 3 standard deviations"):
        layer.inverse()


def test_identity_until_adapted():
    layer = Standardize(compress=1.0)
    x = X.astype("float32")
    np.testing.assert_array_equal(layer(x).numpy(), x)
    assert not layer.adapted
    layer.adapt(X)
    assert layer.adapted
    layer.reset()
    assert not layer.adapted
    np.testing.assert_array_equal(layer(x).numpy(), x)


@pytest.mark.parametrize("sizes", [[1000], [1] * 1000, [1, 999], [0, 500, 0, 500]])
def test_batches_merge_to_the_statistics_of_all_rows(sizes):
    """Chan's formula: the division of the rows into batches does not matter."""
    cuts = np.split(X, np.cumsum(sizes)[:-1])
    layer = Standardize()
    layer.adapt(batch for batch in cuts)
    mean, variance, count = learned(layer)
    np.testing.assert_allclose(mean, X.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(variance, X.var(axis=0), rtol=1e-6)
    assert count == 1000


def test_a_large_mean_does_not_change_the_variance(invalid):
    """The formula E[x^2] - E[x]^2 would give noise only."""
    x = np.random.default_rng(0).normal(size=(5000, 1)) + 1e9
    layer = Standardize()
    with invalid(layer.name):
        layer.adapt(x[i : i + 100] for i in range(0, 5000, 100))
    assert not layer.adapted
    layer.adapt(x - 1e9 + 1e4)
    np.testing.assert_allclose(layer.variance[0, 0], x.var(), rtol=1e-6)


@pytest.mark.parametrize(
    "data",
    [
        X,
        X.tolist(),
        tf.constant(X),
        X.astype("float32"),
        tf.data.Dataset.from_tensor_slices(X).batch(64),
        tf.data.Dataset.from_tensor_slices((X, X[:, 0])).batch(64),
    ],
    ids=["array", "lists", "tensor", "float32", "tf.data", "tf.data with targets"],
)
def test_containers_of_data(data):
    layer = Standardize()
    layer.adapt(data)
    np.testing.assert_allclose(layer.mean[0], X.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(layer.variance[0], X.var(axis=0), rtol=1e-5)


def test_integers_do_not_overflow():
    pixels = RNG.integers(0, 256, size=(300, 5, 5, 2)).astype("uint8")
    layer = Standardize()
    layer.adapt(pixels)
    np.testing.assert_allclose(np.ravel(layer.mean), pixels.mean(axis=(0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(np.ravel(layer.variance), pixels.var(axis=(0, 1, 2)), rtol=1e-6)


def test_bfloat16_data():
    x = tf.cast(X[:, :1], tf.bfloat16)
    layer = Standardize()
    layer.adapt(x)
    np.testing.assert_allclose(layer.mean[0], tf.cast(x, "float64").numpy().mean(axis=0), rtol=1e-6)


@pytest.mark.parametrize(
    ("axis", "averaged"), [(-1, (0, 1, 2)), (1, (0, 2, 3)), ((1, 2, 3), (0,)), ([2, -1], (0, 1))]
)
def test_statistics_along_axes(axis, averaged):
    x = RNG.normal(size=(30, 4, 5, 6)) * RNG.uniform(1, 5, size=(4, 5, 6))
    layer = Standardize(axis=axis)
    layer.adapt(x)
    mean, variance = x.mean(axis=averaged, keepdims=True), x.var(axis=averaged, keepdims=True)
    np.testing.assert_allclose(layer.mean, mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer(x).numpy(), (x - mean) / np.sqrt(variance), atol=1e-5)


def test_invert_undoes_the_standardisation():
    forth, back = Standardize(), Standardize(invert=True)
    forth.adapt(X[:, :2])
    back.adapt(X[:, :2])
    x = X[:, :2].astype("float32")
    np.testing.assert_allclose(back(forth(x)).numpy(), x, rtol=1e-5, atol=1e-5)


def test_a_constant_feature_gives_0_and_is_restored():
    x = np.column_stack([np.full(100, 3.25), np.arange(100.0)])
    forth, back = Standardize(), Standardize(invert=True)
    forth.adapt(x)
    back.adapt(x)
    np.testing.assert_array_equal(forth(x + np.array([1e6, 0])).numpy()[:, 0], 0)
    np.testing.assert_array_equal(back(np.ones((1, 2))).numpy()[0, 0], np.float32(3.25))


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e10, -7e-9])
def test_rounding_errors_are_no_variance(value):
    layer = Standardize()
    x = np.full((999, 1), value) * (1 + RNG.integers(-1, 2, size=(999, 1)) * 2.2e-16)
    layer.adapt(x)
    assert float(layer.variance[0, 0]) == 0


def test_a_small_feature_is_not_constant():
    layer = Standardize()
    layer.adapt(X[:, :1] * 1e-15)
    np.testing.assert_allclose(layer(X[:, :1] * 1e-15).numpy().std(), 1, rtol=1e-5)


def test_one_row():
    layer = Standardize()
    layer.adapt([[1.0, 2.0]])
    np.testing.assert_array_equal(layer(np.array([[1.0, 2.0]])).numpy(), [[0, 0]])


def test_its_weights_are_not_trained():
    layer = Standardize()
    layer.adapt(X)
    assert layer.trainable_variables == []
    assert len(layer.non_trainable_variables) == 3


def test_the_gradient_is_divided_by_the_standard_deviation():
    layer = Standardize()
    layer.adapt(X)
    x = tf.Variable(X[:3].astype("float32"))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(x))
    np.testing.assert_allclose(tape.gradient(loss, x)[0], 1 / X.std(axis=0), rtol=1e-5)


@pytest.mark.parametrize("axis", [0, -3, 3, -4, (1, 0)])
def test_axes_that_the_inputs_do_not_have(axis, invalid):
    with invalid("axis", value=axis):
        Standardize(axis=axis)(np.ones((2, 3, 4)))


def test_an_axis_of_unknown_size(invalid):
    with invalid("axis", value=1):
        Standardize(axis=1)(keras.Input((None, 3)))


@pytest.mark.parametrize(
    "data",
    [
        np.zeros((0, 4)),
        tf.data.Dataset.from_tensor_slices(X).batch(9).take(0),
        np.where(X > 2000, np.nan, X),
        np.where(X > 2000, np.inf, X),
        X[:, :3],
        X[:, 0],
        X.astype(str),
    ],
    ids=["no rows", "no batches", "NaN", "infinity", "3 columns", "1 axis", "text"],
)
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_data_that_is_refused(data, invalid):
    layer = Standardize(name="front")
    layer.build((None, 4))
    with invalid("data"):
        layer.adapt(data)
    assert not layer.adapted


@pytest.mark.parametrize("factor", [1e30, 1e-30])
def test_variances_beyond_float32(factor, invalid):
    layer = Standardize(name="front")
    data = X.astype("float32").astype("float64")
    data[:, 1] *= factor
    with invalid("data") as caught:
        layer.adapt(data)
    assert "in feature 1" in str(caught.value)
    assert not layer.adapted
