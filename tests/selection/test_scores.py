"""Names and directions of scores."""

import keras
import numpy as np
import pytest

from kerasnn import selection
from kerasnn.selection.folds.metrics import directions, metric_names, renamed_results
from tests.selection.selection_helpers import blobs

ONE = {"cv": [(np.arange(12), np.arange(12, 20))], "epochs": 1}


def dense(units, activation, loss, learning_rate=0.05, metrics=()):
    layer = keras.layers.Dense(units, activation)
    model = keras.Sequential([keras.Input((2,)), layer])
    model.compile(keras.optimizers.Adam(learning_rate), loss, metrics=list(metrics))
    return model


def dice(y, outputs):
    """More of it is better, unlike Keras's loss of that name."""
    return 1 - keras.losses.dice(y, outputs)


def with_metrics(*metrics, outputs=1):
    """A model whose metrics were created."""
    x = keras.Input((2,))
    model = keras.Model(x, [keras.layers.Dense(1, "sigmoid")(x) for _ in range(outputs)])
    model.compile(
        "sgd",
        ["binary_crossentropy"] * outputs,
        metrics=[list(metrics)] * outputs,
        run_eagerly=True,
    )
    model.evaluate(np.zeros((2, 2)), [np.array([[0.0], [1.0]])] * outputs, verbose=0)
    return model


def test_numbers_that_keras_appends_are_dropped():
    """Whatever number Keras has come to; names of the user's stay."""
    kinds = (keras.metrics.AUC, keras.metrics.BinaryIoU)
    for _ in range(2):
        named = keras.metrics.TopKCategoricalAccuracy(1, name="top_1")
        model = with_metrics(*(kind() for kind in kinds), named)
        assert metric_names(model) == ("loss", "auc", "binary_io_u", "top_1")


def test_results_of_one_name_are_told_apart_by_their_order(invalid):
    first, second = (with_metrics(*(keras.metrics.AUC() for _ in "ab")) for _ in "ab")
    names = metric_names(first)
    assert len(set(names)) == 3
    assert list(renamed_results(second, names).values()) == list(names)
    two, again = (with_metrics(outputs=2) for _ in "ab")
    assert list(renamed_results(again, metric_names(two)).values()) == list(metric_names(two))
    with invalid("build"):
        renamed_results(with_metrics("accuracy"), names)


def test_names_are_the_same_in_all_folds():
    def recalls():
        named = [keras.metrics.Recall(class_id=i, name=f"recall_{i}") for i in (1, 2)]
        metrics = [*named, keras.metrics.AUC(), keras.metrics.Precision()]
        return dense(3, "softmax", "categorical_crossentropy", metrics=metrics)

    x, y = blobs()
    found = selection.cross_validate(recalls, x, keras.utils.to_categorical(y), cv=2, epochs=1)
    chosen = found.predictions > 0.5
    for i in (1, 2):
        wanted = [chosen[test][y[test] == i, i].mean() for _, test in found.splits]
        np.testing.assert_allclose(found.scores[f"recall_{i}"], wanted, rtol=1e-6)
    names = {"loss", "recall_1", "recall_2", "auc", "precision"}
    assert set(found.scores) == set(found.histories[0]) == set(found.histories[1]) == names


def test_outputs_keep_their_names():
    def two():
        x = keras.Input((2,))
        model = keras.Model(x, [keras.layers.Dense(1, name=f"dense_{i}")(x) for i in (1, 2)])
        model.compile("adam", ["mse", "mse"])
        return model

    x, _ = blobs(20)
    found = selection.cross_validate(two, x, [x[:, :1], 100 + x[:, 1:]], **ONE)
    assert found.mean["dense_1_loss"] < 1000 < found.mean["dense_2_loss"]


def test_a_function_of_the_name_of_a_loss_has_no_direction():
    wrapped = keras.metrics.MeanMetricWrapper(dice, name="tversky")
    theirs = keras.metrics.MeanMetricWrapper(keras.losses.dice, name="mine")
    model = dense(1, "sigmoid", "binary_crossentropy", metrics=[dice, wrapped, theirs])
    model.run_eagerly = True
    model.evaluate(np.zeros((2, 2)), np.ones((2, 1)), verbose=0)
    assert directions(model) == {"loss": -1, "dice": None, "tversky": None, "mine": -1}


def test_penalties_are_not_in_the_score_of_a_search():
    """All settings predict the sum of the features: nothing moves, and penalties differ."""

    def fixed(l2):
        penalty = {"kernel_regularizer": keras.regularizers.L2(l2)}
        added = keras.layers.ActivityRegularization(l2=l2)
        layer = keras.layers.Dense(1, kernel_initializer="ones", **penalty)
        model = keras.Sequential([keras.Input((2,)), layer, added])
        model.compile(keras.optimizers.SGD(1e-9), "mse")
        return model

    x, y = blobs(20)
    found = selection.tune(fixed, {"l2": [0.0, 0.5]}, x, y, **ONE)
    table = found.cv_results_
    assert found.metric_ == "data_loss"
    np.testing.assert_allclose(table["mean_test_data_loss"], table["mean_test_loss"][0], rtol=1e-5)
    np.testing.assert_array_equal(table["mean_test_score"], -table["mean_test_data_loss"])
    penalty = 0.5 * (2 + (x[12:].sum(axis=1) ** 2).mean())
    assert table["mean_test_loss"][1] - table["mean_test_loss"][0] == pytest.approx(penalty)


class OwnStep(keras.Model):
    """A model whose test step leaves the penalties out of its loss."""

    def test_step(self, data):
        x, y = data
        loss = self.compute_loss(y=y, y_pred=self(x, training=False))
        return {"loss": loss - keras.ops.sum(self.losses)}


def test_the_loss_of_a_custom_step_stays_as_it_is():
    def make(l2):
        x = keras.Input((2,))
        model = OwnStep(x, keras.layers.Dense(1, kernel_regularizer=keras.regularizers.L2(l2))(x))
        model.compile("sgd", "mse")
        return model

    x, y = blobs(20)
    found = selection.tune(make, {"l2": [0.5]}, x, y, **ONE)
    assert found.metric_ == "loss"
    assert found.best_score_ == -found.cv_results_["mean_test_loss"][0]
