"""What kerasnn costs beside the steps: memory, one prediction, the checks of data, the import."""

import functools
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import keras
from shared.bounds import Bound
from shared.networks import Network, noise

import kerasnn
from kerasnn.training.inputs import arrays

_PEAK = """
import sys
import keras
import numpy as np

features, count = 1024, {rows}
x = np.random.default_rng(0).random((count, features), np.float32)
y = np.arange(count) % 10
model = keras.Sequential([keras.Input((features,)), keras.layers.Dense(10, "softmax")])
model.compile("sgd", loss="sparse_categorical_crossentropy")
if {ours}:
    import kerasnn
    kerasnn.fit(model, x, y, batch_size=1024, epochs=2, verbose=0)
else:
    model.fit(x, y, batch_size=1024, epochs=2, verbose=0)
[peak] = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(int(peak.split()[1]) / 1024)
"""

_IMPORT = """
import keras, time
began = time.perf_counter()
import kerasnn
print(time.perf_counter() - began)
"""

_DATA_MB = 1024


def bounds_of_costs() -> list[Bound]:
    """Measures the costs and returns what is promised of them."""
    count = _DATA_MB * 2**20 // 4096
    keras_mb, our_mb = (
        _median(lambda ours=ours: _fresh_process(_PEAK.format(rows=count, ours=ours)), 3)
        for ours in (False, True)
    )
    print(f"Peak memory with data of {_DATA_MB} MB: Keras {keras_mb:.0f}, kerasnn {our_mb:.0f} MB")
    network = Network("784-128-10", (784,), (("dense", 128),))
    model, (x, y) = network.keras_model(), noise(60_000, (784,), 10)
    own = kerasnn.Sequential(model.layers)
    own_predict = functools.partial(own.predict, x[:1], verbose=0)
    predict = functools.partial(kerasnn.training.predict, model, x[:1], verbose=0)
    read = _median(lambda: _seconds(lambda: arrays.read(model, x, y, learn=True)), 7)
    epochs = {engine: _epoch_seconds(model, x, y, engine) for engine in ("keras", "xla")}
    for engine, epoch in epochs.items():
        print(f"Checks of 60,000 x 784: {read:.4f} s, {read / epoch:.1%} of an epoch by {engine}")
    idle, drawing = _drawing_shares()
    return [
        Bound("MB beyond Keras's peak", our_mb - keras_mb, at_most=_DATA_MB + 300),
        Bound("ms for kerasnn.training.predict of a row", _call_ms(predict), at_most=0.5),
        Bound("ms for kerasnn.Sequential.predict of a row", _call_ms(own_predict), at_most=0.5),
        *(
            Bound(f"checks, share of an epoch by {engine}", read / epoch, at_most=0.02)
            for engine, epoch in epochs.items()
        ),
        Bound("EarlyStopping, share of an epoch of 50 steps", _stopping_share(), at_most=0.05),
        Bound("LivePlot between figures, share of an epoch of 50 steps", idle, at_most=0.05),
        Bound("LivePlot with a figure a second, share of the time", drawing, at_most=0.25),
        Bound(
            "s that `import kerasnn` adds", _median(lambda: _fresh_process(_IMPORT), 7), at_most=0.3
        ),
    ]


def _epoch_seconds(model: keras.Model, x: Any, y: Any, engine: str) -> float:
    kerasnn.fit(model, x, y, verbose=0, engine=engine)
    return _median(lambda: _seconds(lambda: kerasnn.fit(model, x, y, verbose=0, engine=engine)), 3)


class _Timed(kerasnn.callbacks.EarlyStopping):
    """Has new weights to keep after each epoch, and counts the processor's time for it."""

    seconds = 0.0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        began = time.thread_time()
        super().on_epoch_end(epoch, {**(logs or {}), self.monitor: -epoch})
        self.seconds += time.thread_time() - began


def _stopping_share() -> float:
    x, y = noise(1600, (64,), 10)
    model = kerasnn.models.mlp(64, 10, task="multiclass")
    kerasnn.fit(model, x, y, epochs=2, verbose=0)
    timed = _Timed("loss", patience=9)
    kerasnn.fit(model, x, y, epochs=2, verbose=0, callbacks=[timed])
    timed.seconds, began = 0.0, time.process_time()
    kerasnn.fit(model, x, y, epochs=100, verbose=0, callbacks=[timed])
    return timed.seconds / (time.process_time() - began)


class _Drawn(kerasnn.callbacks.LivePlot):
    """Draws as in a notebook, and counts the processor's time for it."""

    seconds = 0.0

    def on_train_begin(self, logs: Any = None) -> None:
        super().on_train_begin(logs)
        self._show = len

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        began = time.thread_time()
        super().on_epoch_end(epoch, logs)
        self.seconds += time.thread_time() - began


def _drawing_shares() -> tuple[float, float]:
    """Returns the parts of epochs of 50 steps that `LivePlot` takes without and with figures."""
    x, y = noise(1600, (2,), 2)
    shares: list[float] = []
    for every_s, epochs in ((1e9, 200), (1.0, 2000)):
        model = kerasnn.models.mlp(2, task="binary")
        drawn = _Drawn(every_s=every_s)
        kerasnn.fit(model, x, y, epochs=2, verbose=0, callbacks=[drawn])
        drawn.seconds, began = 0.0, time.process_time()
        kerasnn.fit(model, x, y, epochs=epochs, verbose=0, callbacks=[drawn])
        shares.append(drawn.seconds / (time.process_time() - began))
    return shares[0], shares[1]


def _call_ms(call: Callable[[], Any]) -> float:
    for _ in range(20):
        call()
    return 1e3 * _median(lambda: _seconds(call), 300)


def _seconds(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _median(measure: Callable[[], float], times: int) -> float:
    return statistics.median(measure() for _ in range(times))


def _fresh_process(script: str) -> float:
    """Runs a script in a process of its own and returns the number that it prints last."""
    command = [sys.executable, "-c", script]
    output = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    return float(output.split()[-1])
