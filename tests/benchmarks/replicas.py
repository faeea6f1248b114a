"""Times a step of 64-64-10 on two logical CPU devices: `kerasnn.fit`, Keras's `fit`, one device.

    python tests/benchmarks/replicas.py [--rounds 7]

They take turns in one process, after fits that compile. Printed are medians in milliseconds a step,
by wall clock, and how many times as long Keras takes under the same strategy. Exits with 1 below 3.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

import kerasnn

_DEVICES = 2
_ROWS, _BATCH, _EPOCHS = 1504, 32, 3
_AT_LEAST = 3.0


def main() -> int:
    """Prints the times; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    cpu = tf.config.list_physical_devices("CPU")[0]
    logical = [tf.config.LogicalDeviceConfiguration()] * _DEVICES
    tf.config.set_logical_device_configuration(cpu, logical)
    strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(_DEVICES)])

    random = np.random.default_rng(0)
    x = random.normal(size=(_ROWS, 64)).astype("float32")
    y = random.integers(0, 10, _ROWS)
    given = {"batch_size": _BATCH, "epochs": _EPOCHS, "verbose": 0}
    with strategy.scope():
        ours, theirs = _network(), _network()
    alone = _network()
    fits: dict[str, Callable[[], object]] = {
        "kerasnn": lambda: kerasnn.fit(ours, x, y, **given),
        "Keras": lambda: keras.Model.fit(theirs, x, y, **given),
        "kerasnn on one device": lambda: kerasnn.fit(alone, x, y, engine="graph", **given),
    }
    for fit in fits.values():
        fit()
    seconds = [{name: _seconds(fit) for name, fit in fits.items()} for _ in range(rounds)]

    steps = _ROWS // _BATCH * _EPOCHS
    for name in fits:
        step = statistics.median(taken[name] for taken in seconds) / steps
        print(f"{name}: {step * 1000:.2f} ms a step")
    ratio = statistics.median(taken["Keras"] / taken["kerasnn"] for taken in seconds)
    print(f"Keras takes {ratio:.1f} times as long (at least {_AT_LEAST:g})")
    return int(ratio < _AT_LEAST)


def _network() -> keras.Sequential:
    keras.utils.set_random_seed(1)
    network = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(64, "relu"),
            keras.layers.Dense(64, "relu"),
            keras.layers.Dense(10, "softmax"),
        ]
    )
    network.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return network


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
