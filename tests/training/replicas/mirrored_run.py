"""Trainings on several logical devices, which a process can only make before it uses one."""

import pathlib
import sys
import tempfile
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import kerasnn
from tests.training.replicas import cases


def main(replicas, names):
    """Reports each case by its name, and the dropout of the replicas."""
    devices = [tf.config.LogicalDeviceConfiguration()] * replicas
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], devices)
    strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(replicas)])
    found = {name: cases.compare(strategy, name) for name in names}
    dropout = [dropped(strategy, replicas) for _ in range(2)]
    more = {"dropout": dropout, "swept": swept(strategy), "refused": refused(strategy)}
    with tempfile.TemporaryDirectory() as folder:
        more["counted"] = cases.counted(strategy, pathlib.Path(folder))
    cases.report({**found, **more})


def refused(strategy):
    """The arguments of the errors where a replica would have no row for a convolution."""
    with strategy.scope():
        model = cases.network(shape=(6, 6, 1), hidden=cases.CONVOLUTION)
    size, found = cases.ROWS - 1, []
    arrays: Any = ((cases.IMAGES, cases.Y), {"batch_size": size})
    before = model.get_weights()
    for data, arguments in (arrays, (cases.stream(cases.IMAGES, size), {})):
        try:
            kerasnn.fit(model, *data, **arguments, verbose=0)
        except kerasnn.InvalidArgument as error:
            found.append([error.argument, cases.distance(model.get_weights(), before)])
    return found


def swept(strategy):
    """The losses of a sweep up to a middle rate, in replicas and on one device."""
    with strategy.scope():
        divided = cases.network()
    sweeps = [
        kerasnn.lr_find(model, cases.X, cases.Y, 23, high=0.01, steps=20)
        for model in (divided, cases.network())
    ]
    return [sweep.losses.tolist() for sweep in sweeps]


def dropped(strategy, replicas):
    """Trains one step on equal rows, one a replica, so that the weights count their masks.

    Returns:
        The weights relative to those of an input that every replica has kept, and the number of
        different states of the seed in the replicas afterwards.
    """
    x = np.ones((replicas, 64), "float32")
    with strategy.scope():
        dropout = kerasnn.layers.Dropout(0.5, seed=3)
        zeros = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
        model = keras.Sequential([keras.Input((64,)), dropout, zeros])
        model.compile(keras.optimizers.SGD(1.0), "mse")
    kerasnn.fit(model, x, x[:, :1], verbose=0, batch_size=replicas)
    weights = np.ravel(model.get_weights()[0])
    states = strategy.experimental_local_results(dropout.seed_generator.state.value)
    return (weights / 4.0 * replicas).tolist(), len({str(state.numpy()) for state in states})


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:] or list(cases.CASES))
