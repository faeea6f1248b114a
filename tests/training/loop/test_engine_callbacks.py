"""Callbacks between the epochs of a compiled program do what they do in Keras's loop."""

import csv
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasnn
from tests.helpers import engine_cases
from tests.helpers.engine_cases import X_HELD, Y_HELD, X, Y, assert_close, classifier, train_both

HELD = {"validation_data": (X_HELD, Y_HELD)}


class Order(keras.callbacks.Callback):
    """Records the calls that it receives."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def on_train_begin(self, logs=None):
        self.calls.append(("train begin", self.params["epochs"], self.params["steps"]))

    def on_epoch_begin(self, epoch, logs=None):
        self.calls.append(("begin", epoch))

    def on_test_begin(self, logs=None):
        self.calls.append("test begin")

    def on_test_end(self, logs=None):
        self.calls.append(("test end", sorted(logs)))

    def on_epoch_end(self, epoch, logs=None):
        self.calls.append(("end", epoch, list(logs), {type(v) for v in logs.values()}))

    def on_train_end(self, logs=None):
        self.calls.append(("train end", list(logs)))


def test_callbacks_receive_the_same_calls():
    calls = []
    for fit in (keras.Model.fit, kerasnn.fit):
        order = Order()
        model = classifier(metrics=["accuracy"])
        fit(model, X, Y, epochs=3, verbose=0, callbacks=[[order], []], validation_freq=2, **HELD)
        assert order.model is model
        calls.append(order.calls)
    assert calls[0] == calls[1]


def test_a_ready_callback_list():
    model, order = classifier(), Order()
    callbacks = keras.callbacks.CallbackList(
        [order], add_history=True, model=model, epochs=2, steps=3, verbose=0
    )
    history = kerasnn.fit(model, X, Y, epochs=2, verbose=0, callbacks=callbacks)
    assert history.engine == "graph"
    assert len(history.history["loss"]) == 2
    assert [call[1] for call in order.calls if call[0] == "end"] == [0, 1]


class Nudge(keras.callbacks.Callback):
    """Edits weights and momentum between two epochs."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            self.model.set_weights([w + 0.5 for w in self.model.get_weights()])

    def on_epoch_end(self, epoch, logs=None):
        for variable in self.model.optimizer.variables[2:]:
            variable.assign(variable * 0.5)


def plateau():
    return keras.callbacks.ReduceLROnPlateau(monitor="loss", patience=0, min_delta=1, factor=0.5)


def early():
    return keras.callbacks.EarlyStopping("val_loss", patience=1, restore_best_weights=True)


@pytest.mark.parametrize(
    "callback",
    [
        early,
        pytest.param(Nudge, marks=pytest.mark.slow),
        pytest.param(plateau, marks=pytest.mark.slow),
        lambda: keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.7),
        pytest.param(
            lambda: keras.callbacks.SwapEMAWeights(swap_on_epoch=True), marks=pytest.mark.slow
        ),
    ],
    ids=["EarlyStopping", "edits", "ReduceLROnPlateau", "LearningRateScheduler", "SwapEMAWeights"],
)
def test_effects_between_epochs(callback):
    def build():
        # High enough for the validation loss to turn.
        rate = 0.5 if callback is early else 0.05
        return classifier(keras.optimizers.SGD(rate, momentum=0.9, use_ema=True))

    callbacks = [callback(), callback()]
    theirs, ours = build(), build()
    arguments = {"epochs": 12, "shuffle": False, "verbose": 0, **HELD}
    wanted = keras.Model.fit(theirs, X, Y, callbacks=callbacks[:1], **arguments)
    got = kerasnn.fit(ours, X, Y, callbacks=callbacks[1:], engine="graph", **arguments)
    engine_cases.assert_same_history(got, wanted)
    assert_close(ours.get_weights(), theirs.get_weights())
    if callback is early:
        assert len(got.history["loss"]) < 12


@pytest.mark.slow
def test_the_learning_rate_is_no_constant_under_xla():
    scheduler = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.7)
    train_both(classifier, X, Y, engine="xla", callbacks=[scheduler])


def test_files_of_epochs(tmp_path):
    log, path = tmp_path / "log.csv", tmp_path / "{epoch}.keras"
    callbacks = [
        keras.callbacks.CSVLogger(str(log)),
        keras.callbacks.ModelCheckpoint(str(path), monitor="loss", save_best_only=True),
    ]
    model = classifier()
    history = kerasnn.fit(model, X, Y, epochs=3, verbose=0, callbacks=callbacks)
    assert history.engine == "graph"
    with log.open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [0, 1, 2]
    np.testing.assert_allclose([float(row["loss"]) for row in rows], history.history["loss"])
    saved = keras.models.load_model(tmp_path / "3.keras")
    assert_close(saved.get_weights(), model.get_weights(), tolerance=0)


def test_unfreezing_between_epochs():
    """Keras keeps its old trace; here a change of `trainable` makes a new one."""

    def thaw(epoch, logs):
        moved.append(layer.get_weights()[0])
        layer.trainable = epoch >= 1

    moved = []
    model = classifier("sgd")
    layer = model.layers[0]
    model.optimizer.build(model.trainable_variables)
    layer.trainable = False
    callback = keras.callbacks.LambdaCallback(on_epoch_end=thaw)
    kerasnn.fit(model, X, Y, epochs=3, verbose=0, callbacks=[callback])
    assert (moved[0] == moved[1]).all()
    assert (moved[1] != moved[2]).any()


class FitsAnother(keras.callbacks.Callback):
    def __init__(self, other):
        super().__init__()
        self.other = other

    def on_epoch_end(self, epoch, logs=None):
        kerasnn.fit(self.other, X, Y, shuffle=False, verbose=0)


def test_training_another_model_in_between():
    """Two models of the same shape do not share what they learn."""
    plain, outer, inner = classifier(), classifier(), classifier("sgd", seed=2)
    kerasnn.fit(plain, X, Y, epochs=3, shuffle=False, verbose=0)
    callbacks = [FitsAnother(inner)]
    kerasnn.fit(outer, X, Y, epochs=3, shuffle=False, verbose=0, callbacks=callbacks)
    assert_close(outer.get_weights(), plain.get_weights(), tolerance=0)
    alone = classifier("sgd", seed=2)
    kerasnn.fit(alone, X, Y, epochs=3, shuffle=False, verbose=0)
    assert_close(inner.get_weights(), alone.get_weights(), tolerance=0)


def test_stopping_from_outside():
    def stop(epoch, logs):
        model.stop_training = epoch == 1

    model = classifier()
    callback = keras.callbacks.LambdaCallback(on_epoch_end=stop)
    history = kerasnn.fit(model, X, Y, epochs=9, verbose=0, callbacks=callback)
    assert history.epoch == [0, 1]
    assert len(kerasnn.fit(model, X, Y, epochs=2, verbose=0).epoch) == 2


class Reader(kerasnn.callbacks.Callback):
    """Keeps the rows that it receives."""

    given: Any = ()

    def set_data(self, train, validation):
        self.given = (train, validation)

    def on_train_begin(self, logs=None):
        self.given = (*self.given, "train begin")


@pytest.mark.parametrize(
    ("callbacks", "argument"),
    [
        (lambda: [keras.callbacks.EarlyStopping], "callbacks"),
        (lambda: ["early"], "callbacks"),
        (lambda: 3, "callbacks"),
    ],
)
def test_callbacks_that_are_none(refuses, callbacks, argument):
    model = classifier()
    with refuses(model, argument=argument):
        kerasnn.fit(model, X, Y, verbose=0, callbacks=callbacks())


def test_callbacks_receive_the_rows():
    readers, weights = [Reader(), Reader()], np.ones(len(X))
    arguments = {"sample_weight": weights, "verbose": 0, "callbacks": readers}
    for engine in ("graph", "keras"):
        kerasnn.fit(classifier(), X, Y, engine=engine, **arguments, **HELD)
        for reader in readers:
            train, held, moment = reader.given
            for got, wanted in zip(
                (*train, *held[:2]), (X, Y, weights, X_HELD, Y_HELD), strict=True
            ):
                np.testing.assert_array_equal(got, wanted)
            assert held[2] is None
            assert moment == "train begin"
    kerasnn.fit(classifier(), X, Y, validation_split=0.25, **arguments)
    (x, _, _), held, _ = readers[0].given
    np.testing.assert_array_equal(np.concatenate([x, held[0]]), X)


def test_callbacks_receive_no_rows_of_a_stream():
    reader = Reader()
    stream = tf.data.Dataset.from_tensor_slices((X, Y)).batch(32)
    kerasnn.fit(classifier(), stream, verbose=0, callbacks=reader)
    assert reader.given == (None, None, "train begin")
