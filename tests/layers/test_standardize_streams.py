"""Standardize on streams, its inverse, and data that is refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.preprocessing import StandardScaler

from kerasnn.layers import Standardize

RNG = np.random.default_rng(0)
X = RNG.normal(size=(1000, 3)) * [1, 1e3, 1e-3] + [0, 5, 1e3]


def adapted(data, **options):
    layer = Standardize(**options)
    layer.adapt(data)
    return layer


def test_against_scikit_learns_partial_fit():
    """Both learn from one pass over batches of unequal size."""
    pieces = np.split(X, [1, 90, 400, 401])
    scaler = StandardScaler()
    for piece in pieces:
        scaler.partial_fit(piece)
    layer = adapted(piece for piece in pieces)
    np.testing.assert_allclose(layer.mean[0], scaler.mean_, rtol=1e-6)
    np.testing.assert_allclose(layer.variance[0], scaler.var_, rtol=1e-6)
    assert int(layer.count) == scaler.n_samples_seen_ == 1000


def test_by_hand():
    layer = adapted([[1.0], [2.0], [6.0]])
    assert float(layer.mean[0, 0]) == 3
    np.testing.assert_allclose(layer.variance[0, 0], (4 + 1 + 9) / 3, rtol=1e-7)
    np.testing.assert_allclose(layer(np.array([[6.0]])), [[3 / np.sqrt(14 / 3)]], rtol=1e-6)


def test_the_stream_is_read_once():
    reads = []

    def pieces():
        for piece in np.split(X, 4):
            reads.append(len(piece))
            yield piece

    adapted(tf.data.Dataset.from_generator(pieces, output_signature=tf.TensorSpec((None, 3))))
    assert reads == [250] * 4


def test_a_large_offset_costs_no_digits():
    """In float32 squares of 1e6 + z have no digit of the variance of z, in float64 half of them."""
    z = RNG.normal(size=(20_000, 1))
    layer = adapted(tf.data.Dataset.from_tensor_slices(z + 1e6).batch(128))
    np.testing.assert_allclose(layer.variance[0, 0], z.var(), rtol=1e-7)
    naive = np.mean((z + 1e6).astype("float32") ** 2) - np.mean((z + 1e6).astype("float32")) ** 2
    assert abs(naive - z.var()) > 0.1


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("axis", [-1, (1, 2)])
def test_the_inverse_undoes_the_layer(axis, invert):
    data = RNG.normal(size=(250, 4, 3)) * [1, 10, 0.1] + [0, 5, 2]
    layer = adapted(data, axis=axis, invert=invert)
    back = layer.inverse()
    assert back.invert is not invert
    assert back.adapted
    x = data[:50].astype("float32")
    np.testing.assert_allclose(back(layer(x)), x, rtol=1e-4, atol=1e-4)
    for one, other in zip(layer.get_weights(), back.inverse().get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_inverse_against_scikit_learn():
    z = RNG.normal(size=(20, 3)).astype("float32")
    wanted = StandardScaler().fit(X).inverse_transform(z)
    np.testing.assert_allclose(adapted(X).inverse()(z), wanted, rtol=1e-5, atol=1e-5)


def test_the_inverse_of_a_constant_is_its_mean():
    layer = adapted([[7.0, 1.0], [7.0, 3.0]])
    np.testing.assert_array_equal(layer.inverse()(layer(np.array([[7.0, 3.0]]))), [[7, 3]])


def test_the_inverse_is_saved(tmp_path):
    model = keras.Sequential([keras.Input((3,)), adapted(X).inverse()])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(X[:5]), model(X[:5]))


def test_a_layer_that_is_not_adapted_has_no_inverse():
    with pytest.raises(ValueError, match="`front` has learned no mean and variance"):
        Standardize(name="front").inverse()


@pytest.mark.parametrize(
    "data",
    [
        tf.sparse.from_dense(X),
        tf.ragged.constant([[1.0], [1.0, 2.0]]),
        5.0,
        None,
        tf.data.Dataset.from_tensors({"a": X}),
        tf.data.Dataset.from_tensors(X).repeat(),
    ],
    ids=["sparse", "ragged", "number", "None", "dictionaries", "infinite"],
)
def test_data_that_is_refused(data, invalid):
    layer = Standardize(name="front")
    with invalid("data"):
        layer.adapt(data)
    assert not layer.adapted


def test_masked_entries_and_means_beyond_float32():
    for data in (np.ma.masked_greater(X, 1e3), np.full((9, 3), 1e39)):
        layer = Standardize(name="front")
        with pytest.raises(ValueError, match=r"masked array with|`front` can keep in float32"):
            layer.adapt(data)
        assert not layer.adapted


def test_masked_arrays_without_a_masked_entry_are_arrays():
    layer = adapted(np.ma.masked_greater(X, 1e9))
    np.testing.assert_allclose(layer.mean[0], X.mean(axis=0), rtol=1e-6)
