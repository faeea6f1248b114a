"""A training that XLA compiles, as a process that may be killed while its program is written."""

import json
import os
import signal
import sys

import keras
import numpy as np

import kerasnn


def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)


def train(weights_of_others):
    """Trains a model, after some layers that take numbers of automatic names."""
    for _ in range(weights_of_others):
        keras.layers.Dense(1)
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).standard_normal((70, 3)).astype("float32")
    layers = [keras.Input((3,)), keras.layers.Dense(4, "tanh"), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile("adam", "mse")
    kerasnn.fit(model, x, x[:, :1], epochs=3, verbose=0, engine="xla", seed=0)
    return [weight.tolist() for weight in model.get_weights()]


if __name__ == "__main__":
    if sys.argv[2] == "compiled":
        kerasnn.training.compilation_cache.process_cache.ProcessCache.collect = die
    if sys.argv[2] == "storing":
        os.replace = die
    print(json.dumps(train(int(sys.argv[1]))))
