"""Promises of every callback: Keras's contract, the same effect in every engine, a state."""

import functools
import inspect
import pathlib
import tempfile

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasnn
from kerasnn import callbacks, schedules
from kerasnn.callbacks.resume.snapshot import restore_state, state_of
from tests.helpers.engine_cases import (
    X_HELD,
    Y_HELD,
    X,
    Y,
    assert_close,
    back_at_its_start,
    classifier,
)

SCHEDULE = schedules.Exponential(0.5, rate=0.9)

# How to build each public callback, to have an effect within a few epochs.
CASES = {
    "BestModel": lambda path: callbacks.BestModel(path / "best.keras"),
    "EarlyStopping": lambda path: callbacks.EarlyStopping(patience=3),
    "LearningRateDecay": lambda path: callbacks.LearningRateDecay(SCHEDULE, per="step"),
    "LivePlot": lambda path: callbacks.LivePlot(every_s=0),
    "ReduceLROnPlateau": lambda path: callbacks.ReduceLROnPlateau(patience=1, min_delta=0.05),
    "TrainingDoctor": lambda path: callbacks.TrainingDoctor(data=(X, Y), verbose=0),
}
KERAS_CASES = {
    "keras.EarlyStopping": lambda path: keras.callbacks.EarlyStopping(
        patience=3, min_delta=0.001, restore_best_weights=True
    ),
    "keras.ReduceLROnPlateau": lambda path: keras.callbacks.ReduceLROnPlateau(
        patience=1, min_delta=0.05
    ),
}
# Trained together; no two of a group set the learning rate.
GROUPS = {
    "decay": ("EarlyStopping", "LearningRateDecay", "BestModel", "TrainingDoctor", "LivePlot"),
    "plateau": ("EarlyStopping", "ReduceLROnPlateau"),
}
KERAS_GROUP = {"keras": tuple(KERAS_CASES)}
EPOCHS, CUT = 7, 1
PLAN = {"verbose": 0, "shuffle": False, "validation_data": (X_HELD, Y_HELD)}
# `Resume` needs `kerasnn.fit`, and runs that are killed: resume/test_resume_*.py.
ELSEWHERE = {"Callback", "Resume"}


def test_the_tables_are_complete():
    public = {name for name in dir(callbacks) if inspect.isclass(getattr(callbacks, name))}
    assert set(CASES) | ELSEWHERE == public
    assert {name for group in GROUPS.values() for name in group} == set(CASES)


def made(names, path):
    return [{**CASES, **KERAS_CASES}[name](path) for name in names]


def model():
    # High enough for the validation loss to turn.
    return classifier(keras.optimizers.SGD(0.5, momentum=0.9), metrics=["accuracy"])


@pytest.fixture(scope="module")
def again():
    """Gives one model, as newly built."""
    return back_at_its_start(model())


class Idle(keras.callbacks.Callback):
    """Wants every batch, so that only Keras's own loop can run it."""

    def on_train_batch_end(self, batch, logs=None):
        pass


ENGINES = ["graph", *(pytest.param(e, marks=pytest.mark.slow) for e in ("stream", "keras", "xla"))]


def fit(engine, trained, listed, **arguments):
    plan = {**PLAN, "epochs": EPOCHS, **arguments}
    if engine == "keras.Model.fit":
        return keras.Model.fit(trained, X, Y, callbacks=listed, **plan)
    if engine == "stream":
        stream = tf.data.Dataset.from_tensor_slices((X, Y)).batch(32)
        return kerasnn.fit(trained, stream, callbacks=listed, **plan)
    listed = [*listed, Idle()] if engine == "keras" else listed
    asked = {"engine": "xla"} if engine == "xla" else {}
    history = kerasnn.fit(trained, X, Y, callbacks=listed, **asked, **plan)
    assert history.engine == engine
    return history


@functools.cache
def by_keras(group):
    wanted = model()
    with tempfile.TemporaryDirectory() as folder:
        listed = made(GROUPS[group], pathlib.Path(folder))
        return wanted, fit("keras.Model.fit", wanted, listed)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("group", GROUPS)
def test_every_engine(group, engine, again, tmp_path):
    """The same effect on weights, rate and History as in Keras's own `fit`, twice."""
    listed = made(GROUPS[group], tmp_path)
    wanted, reference = by_keras(group)
    histories = []
    for _ in range(2):
        ours = again()
        histories.append(fit(engine, ours, listed))
        assert_close(ours.get_weights(), wanted.get_weights(), tolerance=1e-4)
        np.testing.assert_allclose(ours.optimizer.learning_rate, wanted.optimizer.learning_rate)
    history, again = histories
    assert history.history == again.history
    assert list(history.history) == list(reference.history)
    assert history.epoch == reference.epoch
    for key, values in reference.history.items():
        np.testing.assert_allclose(history.history[key], values, rtol=1e-4, err_msg=key)


@pytest.mark.parametrize("name", CASES)
def test_keras_contract(name, tmp_path):
    """A Keras callback; its arguments are attributes; an unknown argument is an error."""
    callback = CASES[name](tmp_path)
    assert isinstance(callback, keras.callbacks.Callback)
    for argument in inspect.signature(type(callback)).parameters:
        assert hasattr(callback, argument)
    with pytest.raises(TypeError, match=f"`{name}` has no argument `nothing`"):
        type(callback)(nothing=1)


class Restored(keras.callbacks.Callback):
    """Gives other callbacks their states back, after their `on_train_begin`."""

    def __init__(self, listed, states):
        super().__init__()
        self.listed, self.states = listed, states

    def on_train_begin(self, logs=None):
        for callback, state in zip(self.listed, self.states, strict=True):
            restore_state(callback, state)


class Kept(keras.callbacks.Callback):
    """Keeps the states of other callbacks and of the model after epoch `CUT`."""

    def __init__(self, listed):
        super().__init__()
        self.listed = listed

    def on_epoch_end(self, epoch, logs=None):
        if epoch == CUT:
            self.states = [state_of(callback) for callback in self.listed]
            self.variables = [v.numpy() for v in every_variable(self.model)]


def every_variable(trained):
    return [*trained.variables, *trained.optimizer.variables]


@pytest.mark.parametrize("group", [*GROUPS, *KERAS_GROUP])
def test_a_run_continues_from_a_state(group, again, tmp_path):
    """In new callbacks it ends as the run that was never stopped."""
    names = {**GROUPS, **KERAS_GROUP}[group]
    whole, listed = again(), made(names, tmp_path)
    kept = Kept(listed)
    wanted = kerasnn.fit(whole, X, Y, epochs=EPOCHS, callbacks=[*listed, kept], **PLAN)
    assert len(wanted.epoch) > CUT + 2
    weights, rate = whole.get_weights(), float(whole.optimizer.learning_rate)

    part, listed = again(), made(names, tmp_path)
    for variable, value in zip(every_variable(part), kept.variables, strict=True):
        variable.assign(value)
    listed.append(Restored(list(listed), kept.states))
    plan = {"initial_epoch": CUT + 1, "epochs": EPOCHS, "callbacks": listed, **PLAN}
    got = kerasnn.fit(part, X, Y, **plan)
    assert got.epoch == wanted.epoch[CUT + 1 :]
    for key, values in wanted.history.items():
        assert got.history[key] == values[CUT + 1 :], key
    assert_close(part.get_weights(), weights, tolerance=0)
    assert float(part.optimizer.learning_rate) == rate
