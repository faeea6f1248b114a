"""Arguments that `keras.Model` takes and kerasnn refuses, each with the reason.

Found by running Keras 3.15.1's own tests of its trainer, callbacks and models through kerasnn.
"""

import keras
import numpy as np
import pytest

import kerasnn
from kerasnn import training
from tests.helpers.seeds import set_seeds

ROWS = 8
X = np.random.default_rng(0).normal(size=(ROWS, 3)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


def model(units=1, activation=None, loss="mse"):
    set_seeds(0)
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(units, activation)])
    network.compile("sgd", loss=loss)
    return network


def with_value(array, value):
    changed = array.copy()
    changed[1, 0] = value
    return changed


# Name -> (reason, what builds the model, arguments of fit, what the error says).
REFUSED = {
    "NaN in x": (
        "One NaN makes every weight NaN, or is hidden by a ReLU.",
        model,
        {"x": with_value(X, np.nan), "y": Y},
        "x",
    ),
    "infinity in y": (
        "The loss is infinite from the first epoch on. `TerminateOnNaN` is not needed for data.",
        model,
        {"x": X, "y": with_value(Y, np.inf)},
        "y",
    ),
    "targets that broadcast": (
        "Each target would be compared with every output.",
        lambda: model(3),
        {"x": X, "y": Y},
        "y",
    ),
    "labels beyond a sigmoid": (
        "The loss has no minimum for labels of -1 and 1.",
        lambda: model(activation="sigmoid", loss="binary_crossentropy"),
        {"x": X, "y": np.sign(Y)},
        "y",
    ),
    "a negative weight": (
        "It trains away from the target.",
        model,
        {"x": X, "y": Y, "sample_weight": -np.ones(ROWS)},
        "sample_weight",
    ),
    "masked entries": (
        "Keras trains on what lies under the mask.",
        model,
        {"x": np.ma.masked_less(X, 0), "y": Y},
        "x",
    ),
    "no weight for a class": (
        "Keras takes 1 for a class that was forgotten.",
        lambda: model(activation="sigmoid", loss="binary_crossentropy"),
        {"x": X, "y": (Y > 0).astype(int), "class_weight": {0: 2.0}},
        "class_weight",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_fit_refuses_what_keras_takes(refuses, name):
    _, build, arguments, argument = REFUSED[name]
    arguments = {"epochs": 1, "verbose": 0, **arguments}
    assert keras.Model.fit(build(), **arguments).epoch == [0]
    network = build()
    with refuses(network, argument=argument):
        kerasnn.fit(network, **arguments)


def test_evaluate_and_predict_refuse_what_keras_takes(refuses):
    network, x = model(), with_value(X, np.nan)
    assert np.isnan(keras.Model.predict(network, x, verbose=0)).any()
    for call in (lambda: training.evaluate(network, x, Y), lambda: training.predict(network, x)):
        with refuses(network, argument="x"):
            call()


def test_a_generator_is_read_once_where_keras_repeats_its_first_batch():
    def batches():
        yield X[:4], Y[:4]
        yield X[4:], Y[4:]

    with pytest.warns(UserWarning, match="ran out of data"):
        theirs = keras.Model.fit(model(), batches(), epochs=2, shuffle=False, verbose=0)
    assert theirs.epoch == [0, 1]
    with pytest.warns(UserWarning, match="`x` ended after 2 batches"):
        ours = kerasnn.fit(model(), batches(), epochs=2, verbose=0)
    assert ours.epoch == [0]
    assert ours.history["loss"][0] == pytest.approx(theirs.history["loss"][0])


def test_training_that_diverges_is_an_error_where_keras_goes_on_with_nan():
    arguments = {"epochs": 30, "verbose": 0}

    def diverging():
        network = model()
        network.optimizer.learning_rate = 1e4
        return network

    theirs = diverging()
    keras.Model.fit(theirs, X, Y, **arguments)
    assert not np.isfinite(theirs.get_weights()[0]).all()
    ours = diverging()
    with pytest.raises(FloatingPointError, match="left the finite numbers"):
        kerasnn.fit(ours, X, Y, **arguments)
    assert np.isfinite(ours.get_weights()[0]).all()
