"""NumPy masked arrays: what lies below a mask is no data, whoever reads it."""

import keras
import numpy as np
import pytest

import kerasnn
from kerasnn import autodiff, callbacks, layers, models, selection, tasks, transfer

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = np.arange(40) % 2
ONES = np.ones(40)
IMAGES = np.zeros((8, 8, 8, 1))
BAD_X = np.ma.masked_array(X, mask=np.arange(120).reshape(40, 3) < 7)
BAD_Y, BAD_ONES = (np.ma.masked_array(a, mask=np.arange(40) < 7) for a in (Y, ONES))


@pytest.fixture(scope="module")
def model():
    return models.mlp(3, task="binary", hidden=(2,), dropout=0.1, seed=0)


@pytest.fixture(scope="module")
def classifier():
    return selection.Classifier(hidden=(2,), epochs=1).fit(X, Y)


def build(**_):
    return models.mlp(3, task="binary", hidden=(2,))


def callback():
    return keras.callbacks.Callback()


CALLS = {
    "fit, x": (lambda m: m.fit(BAD_X, Y), "x"),
    "fit, y": (lambda m: m.fit(X, BAD_Y), "y"),
    "fit, weights": (lambda m: m.fit(X, Y, sample_weight=BAD_ONES), "sample_weight"),
    "fit, by name": (lambda m: m.fit({"features": BAD_X}, Y), "x['features']"),
    "validation, x": (lambda m: m.fit(X, Y, validation_data=(BAD_X, Y)), "validation_data[0]"),
    "validation, y": (lambda m: m.fit(X, Y, validation_data=(X, BAD_Y)), "validation_data[1]"),
    "evaluate, x": (lambda m: m.evaluate(BAD_X, Y), "x"),
    "evaluate, y": (lambda m: m.evaluate(X, BAD_Y), "y"),
    "evaluate, weights": (lambda m: m.evaluate(X, Y, sample_weight=BAD_ONES), "sample_weight"),
    "evaluate, callbacks": (lambda m: m.evaluate(X, BAD_Y, callbacks=[callback()]), "y"),
    "predict": (lambda m: m.predict(BAD_X), "x"),
    "predict, steps": (lambda m: m.predict(BAD_X, steps=1), "x"),
    "predict_mc": (lambda m: layers.predict_mc(m, BAD_X), "x"),
    "lr_find": (lambda m: kerasnn.lr_find(m, BAD_X, Y), "x"),
    "diagnose": (lambda m: callbacks.diagnose(m, X, BAD_Y), "y"),
    "gradients": (lambda m: autodiff.gradients(m, BAD_X, Y), "x"),
    "infer": (lambda _: tasks.infer(BAD_Y), "y"),
    "adapt": (lambda _: layers.Standardize(name="front").adapt(BAD_X), "data"),
    "cross_validate, x": (lambda _: selection.cross_validate(build, BAD_X, Y, epochs=1), "x"),
    "cross_validate, y": (lambda _: selection.cross_validate(build, X, BAD_Y, epochs=1), "y"),
    "groups": (
        lambda _: selection.cross_validate(build, X, Y, epochs=1, groups=BAD_Y),
        "groups",
    ),
    "tune": (lambda _: selection.tune(build, {"a": [1]}, BAD_X, Y, epochs=1), "x"),
    "features": (lambda _: transfer.features(cnn(), np.ma.masked_less(IMAGES, 1)), "x"),
    "fine_tune": (
        lambda _: transfer.fine_tune(cnn(), np.ma.masked_less(IMAGES, 1), [0, 1] * 4, epochs=1),
        "x",
    ),
}
ESTIMATOR = {
    "fit, X": (lambda e: e.fit(BAD_X, Y), "X"),
    "fit, y": (lambda e: e.fit(X, BAD_Y), "y"),
    "fit, weights": (lambda e: e.fit(X, Y, sample_weight=BAD_ONES), "sample_weight"),
    "predict": (lambda e: e.predict(BAD_X), "X"),
    "score": (lambda e: e.score(X, BAD_Y), "y"),
}


def cnn():
    return models.cnn((8, 8, 1), task="binary", normalize=False)


# The backbone has random weights, of which `features` warns.
@pytest.mark.filterwarnings("ignore:.*has random weights:UserWarning")
@pytest.mark.parametrize(("call", "name"), CALLS.values(), ids=CALLS)
def test_calls(invalid, model, call, name):
    with invalid(name):
        call(model)


@pytest.mark.parametrize(("call", "name"), ESTIMATOR.values(), ids=ESTIMATOR)
def test_estimators(invalid, classifier, call, name):
    with invalid(name):
        call(classifier)


def test_an_array_whose_mask_hides_nothing_is_an_array(model):
    wanted = model.predict(X, verbose=0)
    np.testing.assert_array_equal(model.predict(np.ma.masked_greater(X, 99), verbose=0), wanted)
