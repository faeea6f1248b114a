"""Metrics whose value is an array, such as `F1Score`: of one entry a number, of several refused."""

import csv
import functools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import f1_score

import kerasnn
from kerasnn import plots, selection, serving, training
from kerasnn.callbacks import BestModel, EarlyStopping, ReduceLROnPlateau, Resume, TrainingDoctor
from tests.helpers.engine_cases import assert_close, back_at_its_start
from tests.helpers.seeds import set_seeds

X = np.random.default_rng(0).normal(size=(96, 3)).astype("float32")
Y = np.stack([X[:, 0] > 0, X[:, 1] > X[:, 2]], axis=1).astype("float32")
TRAIN, VALIDATION = slice(0, 64), slice(64, 96)


def network(outputs=1, average=None):
    set_seeds(4)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(outputs, "sigmoid")])
    f1 = keras.metrics.F1Score(average=average, threshold=0.5, name="f1")
    model.compile(keras.optimizers.SGD(1e-6), "binary_crossentropy", metrics=[f1])
    return model


@functools.cache
def start(outputs):
    return back_at_its_start(network(outputs))


def by_hand(model, part, outputs=1):
    guessed = model.predict(X[part], verbose=0) > 0.5
    found = [f1_score(Y[part, i], guessed[:, i]) for i in range(outputs)]
    return np.array(found)


class Steered(keras.callbacks.Callback):
    """Sets the threshold of each epoch, and computes its metric by scikit-learn."""

    levels = (-2.0, 0.5, 0.0, 1.0)

    def on_train_begin(self, logs=None):
        self.scores, self.weights = [], []

    def on_epoch_begin(self, epoch, logs=None):
        self.model.set_weights([np.array([[1.0], [0.0], [0.0]]), np.array([-self.levels[epoch]])])

    def on_epoch_end(self, epoch, logs=None):
        self.scores.append(by_hand(self.model, VALIDATION).item())
        self.weights.append(self.model.get_weights())


def run(engine, callbacks, y=Y[:, :1], **arguments):
    model = start(y.shape[1])()
    plan = {"epochs": 4, "batch_size": 16, "verbose": 0, "callbacks": callbacks, **arguments}
    plan["validation_data"] = (X[VALIDATION], y[VALIDATION])
    if engine == "keras.Model.fit":
        return model, keras.Model.fit(model, X[TRAIN], y[TRAIN], **plan)
    if engine == "stream":
        stream = tf.data.Dataset.from_tensor_slices((X[TRAIN], y[TRAIN])).batch(16)
        del plan["batch_size"]
        return model, kerasnn.fit(model, stream, **plan)
    return model, kerasnn.fit(model, X[TRAIN], y[TRAIN], **plan)


@pytest.mark.parametrize("engine", ["engine", "stream", "keras.Model.fit"])
def test_one_entry_is_a_number(engine, tmp_path, capsys):
    watch = Steered()
    stopping = EarlyStopping("val_f1", patience=9)
    best = BestModel(tmp_path / "best.keras", "val_f1", verbose=1)
    plateau = ReduceLROnPlateau("val_f1", patience=2, min_delta=0, mode="max")
    log = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    model, history = run(engine, [watch, stopping, best, plateau, log])
    top = int(np.argmax(watch.scores))
    assert (top, watch.scores[top]) == (2, 1.0)
    np.testing.assert_allclose(np.ravel(history.history["val_f1"]), watch.scores, atol=1e-6)
    assert (stopping.best_, stopping.best_epoch_) == (pytest.approx(watch.scores[top]), top)
    assert_close(model.get_weights(), watch.weights[top], tolerance=0)
    saved = keras.models.load_model(tmp_path / "best.keras")
    assert_close(saved.get_weights(), watch.weights[top], tolerance=0)
    better = [s for i, s in enumerate(watch.scores) if s > max([-1, *watch.scores[:i]])]
    assert capsys.readouterr().out.count("the best so far") == len(better)
    drawn = {line.get_label(): line for line in plots.history(history, metrics="f1").lines}
    assert list(drawn["validation f1"].get_ydata()) == pytest.approx(watch.scores)
    if engine != "keras.Model.fit":
        assert all(type(value) is float for value in history.history["val_f1"])
        with (tmp_path / "log.csv").open() as file:
            logged = [float(row["val_f1"]) for row in csv.DictReader(file)]
        assert logged == pytest.approx(watch.scores)


def test_training_is_resumed(tmp_path):
    """With the doctor beside it, which reads the logs too."""
    expected = EarlyStopping("val_f1", patience=9)
    model, history = run("engine", [expected], seed=0)
    weights = model.get_weights()
    for epochs in (2, 4):
        stopping = EarlyStopping("val_f1", patience=9)
        resume, doctor = Resume(tmp_path / "run"), TrainingDoctor(verbose=0)
        again, resumed = run("engine", [stopping, resume, doctor], seed=0, epochs=epochs)
    assert (stopping.best_, stopping.best_epoch_) == (expected.best_, expected.best_epoch_)
    assert resumed.history["val_f1"] == history.history["val_f1"]
    assert_close(again.get_weights(), weights, tolerance=0)


def test_evaluate_and_the_card_give_a_number(tmp_path):
    model, history = run("engine", [])
    [expected] = by_hand(model, TRAIN)
    stream = tf.data.Dataset.from_tensor_slices((X[TRAIN], Y[TRAIN, :1])).batch(16)
    for data in ((X[TRAIN], Y[TRAIN, :1]), (stream,)):
        _, f1 = training.evaluate(model, *data, verbose=0)
        by_name = training.evaluate(model, *data, verbose=0, return_dict=True)
        assert (type(f1), type(by_name["f1"])) == (float, float)
        assert (f1, by_name["f1"]) == (pytest.approx(expected), pytest.approx(expected))
    report = serving.export(model, tmp_path, verify=False)
    card = json.loads((report.path / "assets.extra" / "model_card.json").read_text())
    assert card["training"]["last_epoch"]["val_f1"] == history.history["val_f1"][-1]


@pytest.mark.parametrize(
    ("engine", "callback"),
    [("engine", EarlyStopping), ("stream", BestModel), ("engine", ReduceLROnPlateau)],
)
def test_several_entries_are_refused_before_any_weight_changes(invalid, engine, callback, tmp_path):
    watching = {"monitor": "val_f1"}
    if callback is BestModel:
        watching["path"] = tmp_path / "best.keras"
    before = network(2).get_weights()
    seen = []
    spy = keras.callbacks.LambdaCallback(
        on_train_begin=lambda logs: seen.append(spy.model),
        on_epoch_end=lambda epoch, logs: pytest.fail("an epoch ran"),
    )
    with invalid("monitor", "val_f1") as caught:
        run(engine, [spy, callback(**watching)], Y)
    assert 'average="macro"' in caught.value.hint
    assert_close(seen[0].get_weights(), before, tolerance=0)


def test_several_entries_are_kept_and_not_drawn():
    model, history = run("engine", [], Y)
    np.testing.assert_allclose(
        history.history["val_f1"][-1], by_hand(model, VALIDATION, outputs=2), atol=1e-6
    )
    assert "training loss" in [line.get_label() for line in plots.history(history).lines]
    with pytest.raises(ValueError, match=r"average=\"macro\""):
        plots.history(history, metrics="f1")


def test_scores_of_folds(invalid):
    def fitted(average, cv):
        return selection.cross_validate(lambda: network(2, average), X, Y, cv=cv, epochs=1)

    macro = fitted("macro", 2)
    for score, (_, test) in zip(macro.scores["f1"], macro.splits, strict=True):
        guessed = macro.predictions[test] > 0.5
        assert score == pytest.approx(f1_score(Y[test], guessed, average="macro"))
    with invalid("build") as caught:
        fitted(None, [(np.arange(64), np.arange(64, 96))])
    assert 'average="macro"' in caught.value.hint
    found = selection.cross_validate(network, X, Y[:, :1], cv=2, epochs=1)
    for score, (_, test) in zip(found.scores["f1"], found.splits, strict=True):
        assert score == pytest.approx(f1_score(Y[test, 0], found.predictions[test, 0] > 0.5))
