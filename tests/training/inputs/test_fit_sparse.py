"""Ragged and sparse inputs are trained on by Keras's own loop, with the reason."""

import keras
import numpy as np
import pytest
import scipy.sparse
import tensorflow as tf

import kerasnn
from kerasnn import training
from tests.helpers.engine_cases import assert_close, assert_same_history, fit_by_keras
from tests.helpers.seeds import set_seeds

rng = np.random.default_rng(0)
X = rng.normal(size=(20, 4)).astype("float32") * (rng.random((20, 4)) < 0.4)
Y = X.sum(axis=1, keepdims=True)
SPARSE = {
    "a matrix of SciPy": scipy.sparse.csr_matrix(X),
    "a tensor": tf.sparse.from_dense(X),
}
ROWS = [[1.0, 2.0], [3.0], [4.0, 5.0, 6.0], [7.0]]


def regressor():
    set_seeds(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", loss="mse")
    return model


@pytest.mark.parametrize("x", SPARSE.values(), ids=SPARSE)
def test_sparse_inputs_train_as_in_keras(x):
    theirs, ours = regressor(), regressor()
    arguments = {"shuffle": False, "verbose": 0, "validation_split": 0.2}
    wanted = fit_by_keras(theirs, X, Y, **arguments)
    got = kerasnn.fit(ours, x, Y, **arguments)
    assert got.engine == "keras"
    assert "Keras cuts ragged and sparse data into batches itself" in got.reason
    assert_same_history(got, wanted)
    assert_close(ours.get_weights(), theirs.get_weights())
    np.testing.assert_allclose(
        training.evaluate(ours, x, Y, verbose=0),
        training.evaluate(ours, X, Y, verbose=0),
        rtol=1e-5,
    )
    np.testing.assert_allclose(
        training.predict(ours, x, verbose=0), training.predict(ours, X, verbose=0), rtol=1e-5
    )


def test_ragged_rows_train_as_in_keras():
    def build():
        set_seeds(0)
        total = keras.layers.Lambda(lambda t: tf.reduce_sum(t, axis=1, keepdims=True))
        model = keras.Sequential([total, keras.layers.Dense(1)])
        model.compile("sgd", loss="mse")
        return model

    x, y = tf.ragged.constant(ROWS), np.ones((4, 1))
    wanted = fit_by_keras(build(), x, y, shuffle=False, verbose=0)
    got = kerasnn.fit(build(), x, y, shuffle=False, verbose=0)
    assert_same_history(got, wanted)


def with_a_nan():
    x = SPARSE["a matrix of SciPy"].copy()
    x.data[3] = np.nan
    return x


@pytest.mark.parametrize(
    ("x", "y", "argument"),
    [
        (with_a_nan(), Y, "x"),
        (SPARSE["a tensor"], Y[:3], "y"),
        (SPARSE["a tensor"], np.ones((20, 3)), "y"),
        (SPARSE["a tensor"], None, "y"),
    ],
)
def test_wrong_data_beside_sparse_inputs(refuses, x, y, argument):
    model = regressor()
    with refuses(model, argument=argument):
        kerasnn.fit(model, x, y, verbose=0)


def test_normalisation_has_to_be_learned_before(refuses):
    model = kerasnn.models.mlp(4, task="regression", hidden=())
    with refuses(model, argument="x"):
        model.fit(SPARSE["a tensor"], Y, verbose=0)
