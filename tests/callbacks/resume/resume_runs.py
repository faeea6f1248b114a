"""A run with all that a resume could get wrong: `python resume_runs.py PATH ENGINE KIND EPOCHS`.

As a script it prints "begun" when training begins, and at its end a digest of all there is.
"""

import hashlib
import os
import pathlib
import random
import resource
import subprocess
import sys
import time

import keras
import numpy as np

import kerasnn
from kerasnn import schedules
from kerasnn.callbacks import EarlyStopping, LearningRateDecay, Resume

# Multiples of 1/8: no sum of products is rounded, on any processor.
_DATA = np.random.default_rng(0)
X = (_DATA.integers(-16, 17, (300, 8)) / 8).astype("float32")
Y = (X @ _DATA.integers(-16, 17, (8, 3))).argmax(axis=1)


def network(units=16, rate=0.05, loss="sparse_categorical_crossentropy"):
    """Has dropout of both kinds, running statistics, learned scaling and momentum."""
    model = kerasnn.Sequential(
        [
            keras.Input((8,)),
            kerasnn.layers.Standardize(),
            keras.layers.Dense(units, activation="relu"),
            kerasnn.layers.Dropout(0.3),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    optimizer = keras.optimizers.SGD(rate, momentum=0.9, nesterov=True)
    model.compile(optimizer, loss, metrics=["accuracy"])
    return model


def small(optimizer="adam"):
    """Is traced fast, and still draws and keeps slots."""
    layers = [keras.Input((8,)), kerasnn.layers.Dropout(0.3), keras.layers.Dense(3)]
    model = kerasnn.Sequential(layers)
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def model_and_callbacks(kind):
    """Returns a model and callbacks: early stopping, and a per-step decay or Keras's plateau."""
    keras.utils.set_random_seed(0)
    if kind == "kerasnn":
        decay = LearningRateDecay(schedules.Cosine(0.05, steps=600), per="step")
        return network(), [EarlyStopping(min_delta=1e-3, patience=15), decay]
    stopping = keras.callbacks.EarlyStopping(
        "val_loss", min_delta=1e-3, patience=15, restore_best_weights=True
    )
    plateau = keras.callbacks.ReduceLROnPlateau(factor=0.7, patience=3, cooldown=1)
    return network(), [stopping, plateau]


def train(model, callbacks, *, epochs=12, **arguments):
    given = {"batch_size": 32, "validation_split": 0.2, "engine": "graph", "verbose": 0}
    return kerasnn.fit(model, X, Y, epochs=epochs, callbacks=callbacks, **given | arguments)


def digest(model, callbacks, history):
    """Returns a hash of everything: variables, callbacks, History and generators."""
    found = hashlib.sha256()
    for variable in [*model.variables, *model.optimizer.variables]:
        found.update(np.asarray(variable).tobytes())
    for callback in callbacks:
        if not isinstance(callback, Resume):
            # Keras gives `min_delta` its sign in the first epoch that is left.
            state = {
                name: np.asarray(abs(value) if name == "min_delta" else value).tolist()
                for name, value in vars(callback).items()
                # What begins with "_" tells where a call of `fit` is, and a run that had ended
                # trains no epoch more.
                if isinstance(value, (int, float, np.generic)) and not name.startswith("_")
            }
            found.update(repr(sorted(state.items())).encode())
    found.update(repr((history.history, history.epoch)).encode())
    found.update(repr((random.getstate(), np.random.get_state())).encode())
    return found.hexdigest()


def whole_run(path, engine, kind, epochs, *, begun=lambda: None, ended=lambda epoch: None):
    """Trains from the start of a script to its end, and returns the digest."""
    model, callbacks = model_and_callbacks(kind)
    callbacks.append(
        keras.callbacks.LambdaCallback(
            on_train_begin=lambda logs: begun(),
            # However fast the machine is, there is time to be killed.
            on_epoch_begin=lambda epoch, logs: time.sleep(0.02),
            on_epoch_end=lambda epoch, logs: ended(epoch),
        )
    )
    if path != "-":
        # Not the last: it is to act last all the same.
        callbacks.insert(0, Resume(path))
    history = train(model, callbacks, engine=engine, epochs=epochs)
    return digest(model, callbacks, history)


def largest_file(size):
    """Makes the disk full for every file at that byte; None makes room again."""
    most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (most if size is None else size, most))


def start(path, engine, kind, epochs):
    """Starts a process that trains; returns it when training has begun."""
    arguments = [str(path), engine, kind, str(epochs)]
    process = subprocess.Popen(
        [sys.executable, __file__, *arguments],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(pathlib.Path(kerasnn.__file__).parents[1])},
        text=True,
    )
    assert process.stdout.readline() == "begun\n"
    return process


if __name__ == "__main__":
    path, engine, kind, epochs = sys.argv[1:]
    print(
        whole_run(path, engine, kind, int(epochs), begun=lambda: print("begun", flush=True)),
        flush=True,
    )
