"""Progress bars, and the model after Ctrl-C."""

import os
import re
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasnn
from kerasnn import training
from tests.helpers.engine_cases import X_HELD, Y_HELD, X, Y, classifier


def last_lines(text):
    """The lines as they stand at the end, without colours and times."""
    lines = [re.split(r"[\b\r]+", line.rstrip("\b\r "))[-1] for line in text.split("\n")]
    plain = [re.sub(r"\x1b\[\d+m", "", line) for line in lines]
    return [re.sub(r"\d+(s|ms|us)\b", "#", line).strip() for line in plain]


def stream():
    return tf.data.Dataset.from_tensor_slices((X, Y)).batch(16)


@pytest.mark.parametrize(
    "verbose", [1, *(pytest.param(v, marks=pytest.mark.slow) for v in (0, 2, "auto"))]
)
def test_fit(verbose, capsys):
    held = {"validation_data": (X_HELD, Y_HELD), "validation_freq": 2}
    printed = []
    # Nobody watches here.
    keras_verbose = 2 if verbose == "auto" else verbose
    for fit, shown in ((keras.Model.fit, keras_verbose), (kerasnn.fit, verbose)):
        model = classifier(metrics=["accuracy"])
        fit(model, X, Y, epochs=2, shuffle=False, verbose=shown, **held)
        printed.append(last_lines(capsys.readouterr().out))
    assert printed[1] == printed[0]
    assert any(printed[0]) == (verbose != 0)


@pytest.mark.filterwarnings("ignore:.shuffle=True. was passed:UserWarning")
def test_fit_on_a_stream(capsys):
    printed = []
    for fit in (keras.Model.fit, kerasnn.fit):
        fit(classifier(), stream(), epochs=2, verbose=1)
        printed.append(last_lines(capsys.readouterr().out))
    assert printed[1] == printed[0]


def test_a_callback_is_called_within_an_epoch_as_often_as_it_asks():
    class Parts(kerasnn.callbacks.Callback):
        # Less than a step takes, so that each call of the program runs one.
        call_seconds = 1e-9

        def __init__(self):
            super().__init__()
            self.parts = []

        def within_epoch(self, done, steps):
            self.parts.append((done, steps))

    weights = []
    for callbacks in ([], [parts := Parts()]):
        model = classifier()
        kerasnn.fit(
            model, X, Y, batch_size=16, callbacks=callbacks, seed=1, engine="graph", verbose=0
        )
        weights.append(model.get_weights())
    steps = -(-len(X) // 16)
    assert parts.parts == [(done, steps) for done in range(1, steps + 1)]
    for alone, cut in zip(*weights, strict=True):
        np.testing.assert_array_equal(cut, alone)


@pytest.mark.parametrize("verbose", [1, 2])
def test_evaluate_and_predict(verbose, capsys):
    model = classifier(metrics=["accuracy"])
    printed = []
    for evaluate, predict in (
        (keras.Model.evaluate, keras.Model.predict),
        (training.evaluate, training.predict),
    ):
        evaluate(model, X, Y, verbose=verbose)
        predict(model, X, verbose=verbose)
        printed.append(last_lines(capsys.readouterr().out))
    assert printed[1] == printed[0]


def test_a_file_gets_lines_without_control_characters(capsys):
    model = classifier(metrics=["accuracy"])
    kerasnn.fit(model, X, Y, epochs=2)
    training.evaluate(model, X, Y)
    training.predict(model, X)
    shown = capsys.readouterr().out
    assert not set(shown) & {"\b", "\r", "\x1b"}
    assert len(shown.splitlines()) == 6


class Slow(keras.layers.Layer):
    """Takes 40 ms of a step."""

    def call(self, x):
        def wait(values):
            time.sleep(0.04)
            return values

        return tf.ensure_shape(tf.numpy_function(wait, [x], x.dtype), x.shape)

    def compute_output_shape(self, input_shape):
        return input_shape


@pytest.mark.slow
@pytest.mark.parametrize("data", ["arrays", "stream"])
def test_long_epochs_show_progress(data, monkeypatch):
    """An epoch of more than a second moves the bar at least twice a second, up to its end."""
    moves = []

    def note(self, batch, logs=None):
        moves.append((time.perf_counter(), batch))

    monkeypatch.setattr(keras.callbacks.ProgbarLogger, "on_train_batch_end", note)
    model = classifier(hidden=lambda: [Slow()])
    x, y = X[:30], Y[:30]
    if data == "arrays":
        kerasnn.fit(model, x, y, batch_size=1)
    else:
        kerasnn.fit(model, tf.data.Dataset.from_tensor_slices((x, y)).batch(1))
    times, batches = np.array(moves).T
    assert np.diff(times).max() < 0.5
    assert (np.diff(batches) > 0).all()
    assert batches[-1] == 29


TRAINS_FOR_EVER = """
import numpy as np
import keras
import kerasnn

model = keras.Sequential([keras.Input((9,)), keras.layers.Dense(9, "relu"), keras.layers.Dense(1)])
model.compile("adam", loss="mse")
x = np.random.default_rng(0).normal(size=(200_000, 9))
started = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_, **__: print("started", flush=True))
try:
    kerasnn.fit(model, x, x[:, 0], epochs=10**6, verbose=0, engine=ENGINE, callbacks=started)
except KeyboardInterrupt:
    print("stopped", flush=True)
print(kerasnn.fit(model, x[:99], x[:99, 0], verbose=0).engine, flush=True)
assert np.isfinite(model.predict(x[:9], verbose=0)).all()
"""


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["graph", "xla"])
def test_ctrl_c(engine):
    """It stops within a second, in the middle of an epoch, and leaves a model that trains on."""
    with subprocess.Popen(
        [sys.executable, "-c", TRAINS_FOR_EVER.replace("ENGINE", repr(engine))],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        time.sleep(0.5)
        began = time.perf_counter()
        process.send_signal(signal.SIGINT)
        lines = iter(process.stdout.readline, "")
        said = next(line for line in lines if line != "started\n")
        assert said == "stopped\n"
        assert time.perf_counter() - began < 1
        assert next(lines) == "graph\n"
    assert process.returncode == 0
