"""What every callback promises: Keras's contract, under every engine, and a state to go on from."""

import functools
import inspect
import pathlib
import tempfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from engine_cases import X_HELD, Y_HELD, X, Y, assert_close, classifier

import kerasnn
from kerasnn import callbacks, schedules
from kerasnn.callbacks.resume.snapshot import restore_state, state_of

SCHEDULE = schedules.Exponential(0.5, rate=0.9)

# How to build each public callback, to have an effect within a few epochs.
CASES = {
    "BestModel": lambda path: callbacks.BestModel(path / "best.keras"),
    "EarlyStopping": lambda path: callbacks.EarlyStopping(patience=3),
    "LearningRateDecay": lambda path: callbacks.LearningRateDecay(SCHEDULE, per="step"),
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
EPOCHS, CUT = 7, 1
PLAN = {"verbose": 0, "shuffle": False, "validation_data": (X_HELD, Y_HELD)}


# It needs `kerasnn.fit`, and runs that are killed: test_resume_*.py.
ELSEWHERE = {"Callback", "Resume"}


def test_the_table_is_complete():
    public = {name for name, value in vars(callbacks).items() if inspect.isclass(value)}
    assert set(CASES) | ELSEWHERE == public


def model():
    # High enough for the validation loss to turn.
    return classifier(keras.optimizers.SGD(0.5, momentum=0.9), metrics=["accuracy"])


class Idle(keras.callbacks.Callback):
    """Wants every batch, so that only Keras's own loop can run it."""

    def on_train_batch_end(self, batch, logs=None):
        pass


ENGINES = ["graph", *(pytest.param(e, marks=pytest.mark.slow) for e in ("stream", "keras", "xla"))]


def fit(engine, trained, callback, **arguments):
    plan = {**PLAN, "epochs": EPOCHS, **arguments}
    if engine == "keras.Model.fit":
        return keras.Model.fit(trained, X, Y, callbacks=[callback], **plan)
    if engine == "stream":
        stream = tf.data.Dataset.from_tensor_slices((X, Y)).batch(32)
        return kerasnn.fit(trained, stream, callbacks=[callback], **plan)
    listed = [callback, Idle()] if engine == "keras" else [callback]
    asked = {"engine": "xla"} if engine == "xla" else {}
    history = kerasnn.fit(trained, X, Y, callbacks=listed, **asked, **plan)
    assert history.engine == engine
    return history


@functools.cache
def by_keras(name):
    wanted = model()
    with tempfile.TemporaryDirectory() as folder:
        return wanted, fit("keras.Model.fit", wanted, CASES[name](pathlib.Path(folder)))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", CASES)
def test_every_engine(name, engine, tmp_path):
    """The same effect on weights, rate and History as in Keras's own `fit`."""
    ours = model()
    history = fit(engine, ours, CASES[name](tmp_path))
    wanted, reference = by_keras(name)
    assert list(history.history) == list(reference.history)
    assert history.epoch == reference.epoch
    for key, values in reference.history.items():
        np.testing.assert_allclose(history.history[key], values, rtol=1e-4, err_msg=key)
    assert_close(ours.get_weights(), wanted.get_weights(), tolerance=1e-4)
    np.testing.assert_allclose(ours.optimizer.learning_rate, wanted.optimizer.learning_rate)


@pytest.mark.parametrize("name", CASES)
def test_keras_contract(name, tmp_path):
    """A Keras callback; works twice; arguments are attributes; a wrong one is answered."""
    callback = CASES[name](tmp_path)
    assert isinstance(callback, keras.callbacks.Callback)
    for argument in inspect.signature(type(callback)).parameters:
        assert hasattr(callback, argument)
    histories = [fit("graph", model(), callback, epochs=3) for _ in range(2)]
    if name != "BestModel":
        assert histories[0].history == histories[1].history
    with pytest.raises(TypeError, match=f"`{name}` has no argument `nothing`"):
        type(callback)(nothing=1)


class Restored(keras.callbacks.Callback):
    """Gives another callback its state back, after its `on_train_begin`."""

    def __init__(self, callback, state):
        super().__init__()
        self.callback, self.state = callback, state

    def on_train_begin(self, logs=None):
        restore_state(self.callback, self.state)


class Kept(keras.callbacks.Callback):
    """Keeps the state that another callback and the model have after epoch `CUT`."""

    def __init__(self, callback):
        super().__init__()
        self.callback = callback

    def on_epoch_end(self, epoch, logs=None):
        if epoch == CUT:
            self.state = state_of(self.callback)
            self.variables = [v.numpy() for v in every_variable(self.model)]


def every_variable(trained):
    return [*trained.variables, *trained.optimizer.variables]


@pytest.mark.parametrize("name", [*CASES, *KERAS_CASES])
def test_state_goes_on(name, tmp_path):
    """A run that goes on in new objects ends as the one that was never cut."""
    make = {**CASES, **KERAS_CASES}[name]
    whole, callback = model(), make(tmp_path)
    kept = Kept(callback)
    wanted = kerasnn.fit(whole, X, Y, epochs=EPOCHS, callbacks=[callback, kept], **PLAN)
    assert len(wanted.epoch) > CUT + 2

    again, callback = model(), make(tmp_path)
    again.optimizer.build(again.trainable_variables)
    for variable, value in zip(every_variable(again), kept.variables, strict=True):
        variable.assign(value)
    listed = [callback, Restored(callback, kept.state)]
    plan = {"initial_epoch": CUT + 1, "epochs": EPOCHS, "callbacks": listed, **PLAN}
    got = kerasnn.fit(again, X, Y, **plan)
    assert got.epoch == wanted.epoch[CUT + 1 :]
    for key, values in wanted.history.items():
        assert got.history[key] == values[CUT + 1 :], key
    assert_close(again.get_weights(), whole.get_weights(), tolerance=0)
    assert float(again.optimizer.learning_rate) == float(whole.optimizer.learning_rate)
