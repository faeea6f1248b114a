"""Scores stand under the names, and count in the direction, that they were given."""

import keras
import numpy as np
import pytest
from selection_helpers import blobs

from kerasnn import selection
from kerasnn.selection.folds.metrics import as_if_first, directions

ONE = {"cv": 2, "epochs": 1}


def dense(units, activation, loss, learning_rate=0.05, metrics=()):
    layer = keras.layers.Dense(units, activation)
    model = keras.Sequential([keras.Input((2,)), layer])
    model.compile(keras.optimizers.Adam(learning_rate), loss, metrics=list(metrics))
    return model


def dice(y, answer):
    """More of it is better, unlike of Keras's loss of that name."""
    return 1 - keras.losses.dice(y, answer)


def test_names_of_the_users_are_not_counted_anew():
    """Two recalls look like the second and third without a name."""

    def recalls():
        kinds = [keras.metrics.Recall(class_id=i, name=f"recall_{i}") for i in (1, 2)]
        return dense(3, "softmax", "categorical_crossentropy", metrics=kinds)

    x, y = blobs()
    found = selection.cross_validate(recalls, x, keras.utils.to_categorical(y), **ONE)
    chosen = found.predictions > 0.5
    for i in (1, 2):
        wanted = [chosen[test][y[test] == i, i].mean() for _, test in found.splits]
        np.testing.assert_allclose(found.scores[f"recall_{i}"], wanted, rtol=1e-6)
    assert set(found.scores) == set(found.histories[0]) == {"loss", "recall_1", "recall_2"}


def test_outputs_keep_their_names():
    def two():
        x = keras.Input((2,))
        model = keras.Model(x, [keras.layers.Dense(1, name=f"dense_{i}")(x) for i in (1, 2)])
        model.compile("adam", ["mse", "mse"])
        return model

    x, _ = blobs()
    found = selection.cross_validate(two, x, [x[:, :1], 100 + x[:, 1:]], **ONE)
    assert found.mean["dense_1_loss"] < 1000 < found.mean["dense_2_loss"]


def test_counted_names_leave_out_those_of_the_users():
    def named(*names):
        return [keras.metrics.AUC(name=name) for name in names]

    found = as_if_first(named("auc_1", "auc_7", "auc_9"), own={"auc_1"})
    assert found == {"auc_7": "auc", "auc_9": "auc_2"}


def test_a_function_counts_by_what_it_is_not_by_its_name():
    wrapped = keras.metrics.MeanMetricWrapper(dice, name="tversky")
    theirs = keras.metrics.MeanMetricWrapper(keras.losses.dice, name="mine")
    model = dense(1, "sigmoid", "binary_crossentropy", metrics=[dice, wrapped, theirs])
    model.evaluate(np.zeros((2, 2)), np.ones((2, 1)), verbose=0)
    assert directions(model) == {"loss": -1, "dice": None, "tversky": None, "mine": -1}


def test_penalties_are_no_part_of_the_score_of_a_search():
    """All settings predict the sum of the features: nothing moves, and penalties differ."""

    def fixed(l2):
        penalty = {"kernel_regularizer": keras.regularizers.L2(l2)}
        added = keras.layers.ActivityRegularization(l2=l2)
        layer = keras.layers.Dense(1, kernel_initializer="ones", **penalty)
        model = keras.Sequential([keras.Input((2,)), layer, added])
        model.compile(keras.optimizers.SGD(1e-9), "mse")
        return model

    x, y = blobs(40)
    found = selection.tune(fixed, {"l2": [0.0, 1e-3, 0.5]}, x, y, **ONE)
    table = found.cv_results_
    assert found.metric_ == "data_loss"
    np.testing.assert_allclose(table["mean_test_data_loss"], table["mean_test_loss"][0], rtol=1e-5)
    np.testing.assert_array_equal(table["mean_test_score"], -table["mean_test_data_loss"])
    penalty = 0.5 * (2 + (x.sum(axis=1) ** 2).mean())
    assert table["mean_test_loss"][2] - table["mean_test_loss"][0] == pytest.approx(penalty)


class OwnStep(keras.Model):
    """A model whose loss is what its step says; nothing can be taken from it."""

    def test_step(self, data):
        x, y = data
        loss = self.compute_loss(y=y, y_pred=self(x, training=False))
        return {"loss": loss - keras.ops.sum(self.losses)}


def test_of_a_step_of_the_users_the_loss_counts_as_it_is():
    def make(l2):
        x = keras.Input((2,))
        model = OwnStep(x, keras.layers.Dense(1, kernel_regularizer=keras.regularizers.L2(l2))(x))
        model.compile("sgd", "mse")
        return model

    x, y = blobs(20)
    found = selection.tune(make, {"l2": [0.5]}, x, y, **ONE)
    assert found.metric_ == "loss"
    assert found.best_score_ == -found.cv_results_["mean_test_loss"][0]
