import functools
import pickle

import keras
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kerasnn import models
from kerasnn.selection import Classifier, Regressor
from kerasnn.selection.estimators.networks import NETWORKS
from tests.selection.selection_helpers import blobs

SMALL = {"hidden": (4,), "epochs": 3, "random_state": 5, "learning_rate": 0.05}
NAMES = np.array(["ash", "birch", "cedar"])


# Of float32 after a few dozen steps, where two programs compute the same in another order.
ROUNDING = {"rtol": 1e-4, "atol": 1e-6}


def same_weights(one, two):
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, **ROUNDING)


def test_a_classifier_has_the_weights_of_the_functional_path():
    x, y = blobs()
    model = models.mlp(2, 3, task="multiclass", hidden=(4,), dropout=0.2, l2=0.0625, seed=5)
    history = model.fit(x, y, epochs=3, batch_size=16, verbose=0, seed=5)
    # A number of NumPy is a number.
    fitted = Classifier(
        hidden=(4,), dropout=0.2, l2=np.float32(0.0625), epochs=3, batch_size=16, random_state=5
    ).fit(x, NAMES[y])
    assert isinstance(fitted.model_, keras.Sequential)
    same_weights(fitted.model_, model)
    assert list(fitted.history_) == list(history.history)
    for name, values in history.history.items():
        np.testing.assert_allclose(fitted.history_[name], values, **ROUNDING)
    assert fitted.classes_.tolist() == NAMES.tolist()
    probabilities = fitted.predict_proba(x)
    np.testing.assert_allclose(probabilities, model.predict(x, verbose=0), **ROUNDING)
    np.testing.assert_array_equal(fitted.predict(x), NAMES[probabilities.argmax(axis=1)])


@pytest.mark.parametrize("estimator", [Classifier, Regressor])
def test_a_misspelt_parameter_is_named(estimator):
    with pytest.raises(TypeError, match=f"`{estimator.__name__}`.*Did you mean `learning_rate`"):
        estimator(learningrate=0.1)


def test_a_regressor_has_the_weights_of_the_functional_path():
    x, _ = blobs()
    y = x @ [1.0, -2.0]
    model = models.mlp(2, task="regression", hidden=(4,), learning_rate=0.05, seed=5)
    model.fit(x, y, epochs=3, verbose=0, seed=5)
    fitted = Regressor(**SMALL).fit(x, y)
    same_weights(fitted.model_, model)
    np.testing.assert_allclose(fitted.predict(x), model.predict(x, verbose=0)[:, 0], **ROUNDING)
    assert fitted.predict(x[:2]).shape == (2,)
    assert Regressor(**SMALL).fit(x, np.stack([y, y], 1)).predict(x[:3]).shape == (3, 2)


class BatchSize(keras.layers.Layer):
    """The number of rows that the program receives at once, for each of them."""

    def call(self, x):
        ones = keras.ops.ones_like(keras.ops.max(x, axis=tuple(range(1, len(x.shape)))))
        return keras.ops.full_like(ones, keras.ops.sum(ones))[:, None]


@pytest.mark.parametrize(
    ("shape", "batch_sizes"),
    [((2,), {1: 192, 192: 192, 500: 192}), ((3, 2), {20: 20})],
    ids=["table", "sequences"],
)
def test_tables_are_predicted_in_blocks_of_one_size(shape, batch_sizes):
    """The rounding of a row then depends neither on its position nor on the other rows."""

    def build():
        identity = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
        model = keras.Sequential([keras.Input(shape), BatchSize(), identity])
        model.compile(keras.optimizers.SGD(0.0), "mse")
        return model

    fitted = Regressor(build=build, epochs=1).fit(np.zeros((4, *shape)), np.zeros(4))
    for rows, size in batch_sizes.items():
        np.testing.assert_array_equal(fitted.predict(np.zeros((rows, *shape))), [size] * rows)


def test_pickles_predict_the_same_and_clones_are_unfitted():
    x, y = blobs()
    fitted = Classifier(**SMALL, dropout=0.3).fit(x, y)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(fitted.predict_proba(x), again.predict_proba(x))
    assert not hasattr(clone(fitted), "model_")
    assert clone(fitted).get_params() == fitted.get_params()
    fitted.partial_fit(x, y)
    again.partial_fit(x, y)
    same_weights(fitted.model_, again.model_)


def test_partial_fit_continues_with_all_classes():
    x, y = blobs()
    fitted = Classifier(**SMALL)
    fitted.partial_fit(x[y < 2], NAMES[y[y < 2]], classes=NAMES)
    for _ in range(15):
        fitted.partial_fit(x, NAMES[y])
    assert fitted.n_iter_ == len(fitted.history_["loss"]) == 16
    assert fitted.score(x, NAMES[y]) > 0.9


@pytest.mark.slow
def test_weights_of_rows_and_classes():
    x, y = blobs()
    y = (y == 2).astype(int)
    rare = Classifier(**SMALL, class_weight={0: 1e-6, 1: 1.0}).fit(x, y)
    assert rare.predict(x).all()
    weighted = Classifier(**SMALL).fit(x, y, sample_weight=np.where(y, 1.0, 1e-6))
    same_weights(rare.model_, weighted.model_)
    both = Classifier(**SMALL, class_weight="balanced").fit(x, y, sample_weight=np.ones(60))
    balanced = Classifier(**SMALL).fit(x, y, sample_weight=np.where(y, 1.5, 0.75))
    same_weights(both.model_, balanced.model_)


@pytest.mark.slow
@pytest.mark.parametrize("as_y", [np.asarray, scipy.sparse.csr_matrix])
def test_several_labels(as_y):
    x, y = blobs()
    labels = np.stack([y > 0, y > 1], axis=1).astype(int)
    fitted = Classifier(**{**SMALL, "epochs": 60}).fit(x, as_y(labels))
    assert fitted.task_ == "multilabel"
    assert fitted.predict_proba(x).shape == (60, 2)
    assert (fitted.predict(x) == labels).mean() > 0.9


@pytest.mark.slow
def test_images_and_a_builder():
    x = np.random.default_rng(0).normal(size=(12, 4, 4, 1))
    y = np.arange(12) % 2
    made = []

    def build(input_shape, task, seed):
        made.append((input_shape, task, seed))
        return models.cnn(input_shape, task=task, filters=2, hidden=(), seed=seed)

    fitted = Classifier(build=build, epochs=1, random_state=3).fit(x, y)
    assert made == [((4, 4, 1), "binary", 3)]
    assert fitted.predict_proba(x).shape == (12, 2)
    assert Classifier(epochs=1).fit(x, y).predict(x).shape == (12,)


@pytest.mark.slow
def test_early_stopping_validates_on_a_part():
    x, y = blobs()
    fitted = Classifier(
        hidden=(), epochs=200, learning_rate=1.0, early_stopping=True, patience=2, random_state=0
    ).fit(x, y)
    assert fitted.n_iter_ < 200
    losses = fitted.history_["val_loss"]
    assert fitted.best_epoch_ == np.argmin(losses) + 1 == fitted.n_iter_ - 2


def test_columns_of_a_frame_are_named_and_keep_their_order():
    x, y = blobs()
    frame = pd.DataFrame(x, columns=["height", "width"])
    fitted = Classifier(**SMALL).fit(frame, y)
    assert fitted.feature_names_in_.tolist() == ["height", "width"]
    with pytest.raises(ValueError, match="same order"):
        fitted.predict(frame[["width", "height"]])


@pytest.mark.slow
def test_other_tools_of_scikit_learn():
    x, y = blobs()
    small = {**SMALL, "epochs": 30}
    pipeline = make_pipeline(StandardScaler(), Classifier(**small, normalize=False))
    assert cross_val_score(pipeline, x, NAMES[y], cv=3).mean() > 0.85
    search = GridSearchCV(Classifier(**small), {"l2": [0.0, 10.0], "hidden": [(4,)]}, cv=2)
    assert search.fit(x, y).best_params_["l2"] == 0.0
    calibrated = CalibratedClassifierCV(Classifier(**small), cv=2).fit(x, y)
    assert calibrated.score(x, y) > 0.85
    stack = StackingClassifier([("net", Classifier(**small))], LogisticRegression(), cv=2)
    assert stack.fit(x, NAMES[y]).score(x, NAMES[y]) > 0.85


def dense(units, activation, loss):
    """Returns a builder of one layer."""

    def build():
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(units, activation)])
        model.compile(keras.optimizers.SGD(0.1), loss)
        return model

    return build


@pytest.mark.parametrize(
    ("classes", "units", "loss", "link"),
    [
        (3, 3, keras.losses.SparseCategoricalCrossentropy(from_logits=True), softmax),
        (2, 1, keras.losses.BinaryCrossentropy(from_logits=True), expit),
    ],
)
def test_logits_become_probabilities(classes, units, loss, link):
    x, y = blobs(classes=classes)
    fitted = Classifier(build=dense(units, None, loss), epochs=2, random_state=0).fit(x, NAMES[y])
    logits = fitted.model_.predict(x, verbose=0)
    wanted = softmax(logits, axis=1) if link is softmax else expit(np.hstack([-logits, logits]))
    np.testing.assert_allclose(fitted.predict_proba(x), wanted, atol=1e-6)
    np.testing.assert_array_equal(fitted.predict(x), NAMES[wanted.argmax(axis=1)])


def test_class_numbers_of_many_digits_stay_apart():
    ids = np.array([123456789012345677, 123456789012345678, 900000000000000001])
    place = np.arange(60) % 3
    x = np.random.default_rng(0).normal(4.0 * place[:, None], 0.3, (60, 2))
    model = Classifier(hidden=(16,), epochs=60, learning_rate=0.02, random_state=0)
    model.fit(x, ids[place])
    np.testing.assert_array_equal(model.classes_, ids)
    np.testing.assert_array_equal(model.predict(x), ids[place])


@pytest.mark.parametrize("kind", [Classifier, Regressor])
def test_a_tabular_network_has_defaults_of_its_own(kind):
    """It is what `models.tabular` gives after its own training, with the best epoch."""
    x, labels = blobs()
    y = labels if kind is Classifier else x @ [1.0, -2.0]
    x = np.c_[x, x[:, 0] > 0]
    fitted = kind(network="tabular", hidden=(8,), dropout=0.25, epochs=5, random_state=3).fit(x, y)
    assert fitted.model_.name == "tabular"
    assert fitted.model_.get_layer("dropout_1").rate == 0.25
    # The last column has two values.
    assert list(fitted.model_.get_layer("periodic").skip) == [2]
    assert "val_loss" in fitted.history_
    assert fitted.n_iter_ == 5
    assert fitted.best_epoch_ == 1 + int(np.argmin(fitted.history_["val_loss"]))
    assert fitted.score(x, y) > 0.3
    assert kind().get_params()["epochs"] is None


def test_packs_and_ensembles_train_by_their_own_fit():
    x, labels = blobs()
    y = x @ [1.0, -2.0]
    build = functools.partial(models.pack, n=2, folds=2, space={"hidden": [(8,)]})
    pack = Regressor(build=build, epochs=20, random_state=3).fit(x, y)
    assert "val_loss" in pack.history_
    assert pack.score(x, y) > 0.5
    restored = pickle.loads(pickle.dumps(pack))
    np.testing.assert_allclose(restored.predict(x), pack.predict(x), rtol=1e-5)

    def ensemble(input_shape, outputs, task, seed):
        return models.ensemble(
            lambda: models.mlp(input_shape, outputs, task=task, hidden=(8,)), 2, seed=seed
        )

    stopping = {"epochs": 2, "early_stopping": True, "patience": 1, "random_state": 3}
    mean = Classifier(build=ensemble, **stopping).fit(x, labels)
    assert mean.model_.history.members[0].engine == "stacked"


def test_a_pack_is_a_network_by_name():
    assert NETWORKS["pack"].build is models.pack
