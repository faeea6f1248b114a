"""Models whose own layer fills in missing values."""

import keras
import numpy as np
import tensorflow as tf

import kerasnn
from kerasnn import models, serving
from tests.helpers.seeds import set_seeds

NAN = np.nan
X = np.array([[1, NAN], [NAN, 2], [3, 4], [5, 6], [NAN, NAN], [1, 1]], "float32")
Y = np.array([0, 1, 0, 1, 0, 1], "float32")


class Fill(keras.layers.Layer):
    """Puts a number in place of NaN."""

    def call(self, inputs):
        return keras.ops.where(keras.ops.isnan(inputs), -1.0, inputs)


def imputing():
    set_seeds(1)
    model = keras.Sequential([keras.Input((2,)), Fill(), keras.layers.Dense(1, "sigmoid")])
    model.compile("sgd", "binary_crossentropy")
    return model


def test_a_model_that_imputes_trains_as_on_imputed_rows(invalid):
    given = {"epochs": 2, "batch_size": 4, "verbose": 0, "shuffle": False}
    rows = np.nan_to_num(X, nan=-1.0)
    filled = imputing()
    kerasnn.fit(filled, rows, Y, validation_data=(rows, Y), **given)
    given["validation_data"] = (X, Y)
    for engine in ("xla", "keras", "graph"):
        model = imputing()
        with invalid("x"):
            kerasnn.fit(model, X, Y, engine=engine, **given)
        kerasnn.fit(model, X, Y, engine=engine, allow_nan=True, **given)
        for one, other in zip(model.get_weights(), filled.get_weights(), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    predicted = kerasnn.training.predict(model, X, verbose=0, allow_nan=True)
    np.testing.assert_allclose(predicted, model.predict(X, verbose=0), rtol=1e-5)
    assert np.isfinite(kerasnn.training.evaluate(model, X, Y, verbose=0, allow_nan=True))
    with invalid("x"):
        kerasnn.training.predict(model, X, verbose=0)


def test_nan_that_reaches_a_layer_which_learns_from_it_is_refused(invalid):
    model = models.mlp(2, task="binary", hidden=(2,))
    with invalid("x") as caught:
        model.fit(X, Y, verbose=0, allow_nan=True)
    assert "`normalize=False`" in caught.value.hint


def test_nan_that_no_layer_fills_in_is_refused(invalid):
    dense = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, "relu")])
    rescaled = keras.Sequential([keras.Input((2,)), keras.layers.Rescaling(2.0), dense])
    for model in (dense, rescaled):
        with invalid("x"):
            kerasnn.training.predict(model, X, verbose=0, allow_nan=True)
    inputs = keras.Input((2,))
    filled = keras.ops.where(keras.ops.isnan(inputs), -1.0, inputs)
    for model in (
        keras.Model(inputs, dense(filled)),
        keras.Sequential([keras.Input((2,)), keras.layers.Lambda(tf.math.is_finite)]),
    ):
        assert np.isfinite(kerasnn.training.predict(model, X, verbose=0, allow_nan=True)).all()


def test_a_stream_and_what_is_refused_all_the_same(invalid):
    stream = tf.data.Dataset.from_tensor_slices((X, Y)).batch(2)
    history = kerasnn.fit(imputing(), stream, verbose=0, allow_nan=True)
    assert history.engine == "keras"
    assert "allow_nan" in history.reason
    with invalid("x"):
        kerasnn.fit(imputing(), np.where(np.isnan(X), np.inf, X), Y, verbose=0, allow_nan=True)
    with invalid("y"):
        kerasnn.fit(imputing(), X, np.where(Y == 1, NAN, Y), verbose=0, allow_nan=True)
    with invalid("allow_nan", "yes"):
        kerasnn.fit(imputing(), X, Y, verbose=0, allow_nan="yes")


def test_a_predictor_takes_nan_where_it_is_told_so(tmp_path, invalid):
    model = imputing()
    report = serving.export(model, tmp_path / "served")
    served = serving.Predictor(report.path, allow_nan=True)
    np.testing.assert_allclose(
        next(iter(served(X).values())), model.predict(X, verbose=0), rtol=1e-5
    )
    with invalid("features"):
        serving.Predictor(report.path)(X)
    with invalid("features"):
        served(np.where(np.isnan(X), np.inf, X))
