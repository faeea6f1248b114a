"""`fit` refuses arguments that break their rule, and streams that could never end."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasnn

ROWS = 12
X = np.random.default_rng(0).normal(size=(ROWS, 3)).astype("float32")
BITS = np.arange(ROWS) % 2
STOP = kerasnn.callbacks.EarlyStopping(monitor="loss")


def classifier():
    return kerasnn.models.mlp(3, task="binary", hidden=(), normalize=False, seed=0)


ARGUMENTS = {
    "batch_size of 0": (
        {"batch_size": 0},
        "batch_size",
    ),
    "negative batch_size": (
        {"batch_size": -4},
        "batch_size",
    ),
    "batch_size with a fraction": (
        {"batch_size": 2.5},
        "batch_size",
    ),
    "misspelt batch_size": (
        {"batch_size": "ful"},
        "batch_size",
    ),
    "negative epochs": (
        {"epochs": -1},
        "epochs",
    ),
    "epochs with a fraction": ({"epochs": 1.5}, "epochs"),
    "negative initial_epoch": (
        {"initial_epoch": -1},
        "initial_epoch",
    ),
    "validation_split of 1": (
        {"validation_split": 1.0},
        "validation_split",
    ),
    "negative validation_split": (
        {"validation_split": -0.1},
        "validation_split",
    ),
    "validation_split that leaves nothing to train on": (
        {"validation_split": 0.95},
        "validation_split",
    ),
    "validation_split that leaves nothing to validate on": (
        {"validation_split": 1e-20},
        "validation_split",
    ),
    "steps_per_epoch of 0": (
        {"steps_per_epoch": 0},
        "steps_per_epoch",
    ),
    "validation_batch_size of 0": (
        {"validation_batch_size": 0},
        "validation_batch_size",
    ),
    "unknown verbose": (
        {"verbose": "loud"},
        "verbose",
    ),
    "an array as verbose": (
        {"verbose": X},
        "verbose",
    ),
    "an array as batch_size": (
        {"batch_size": X},
        "batch_size",
    ),
    "an array as shuffle": (
        {"shuffle": X},
        "shuffle",
    ),
    "a word as validation_freq": (
        {"validation_freq": "often"},
        "validation_freq",
    ),
    "an epoch before the first in validation_freq": (
        {"validation_freq": [0, 2]},
        "validation_freq",
    ),
    "unknown engine": (
        {"engine": "kears"},
        "engine",
    ),
}


def test_a_callback_given_twice(refuses):
    model = classifier()
    with refuses(model, "`EarlyStopping`"):
        model.fit(X, BITS, callbacks=[STOP, [STOP]], verbose=0)


@pytest.mark.parametrize(("arguments", "argument"), ARGUMENTS.values(), ids=ARGUMENTS)
def test_arguments(refuses, arguments, argument):
    model = classifier()
    with refuses(model, argument=argument):
        model.fit(X, BITS, **{"verbose": 0, **arguments})


def test_an_unknown_engine_is_corrected(refuses):
    model = classifier()
    with refuses(model, argument="engine", value="kears"):
        model.fit(X, BITS, engine="kears", verbose=0)


@pytest.mark.parametrize(
    ("method", "misspelt", "argument"),
    [
        ("fit", "epoch", "`fit` has no argument `epoch`. Did you mean `epochs`?"),
        ("fit", "batchsize", "`fit` has no argument `batchsize`. Did you mean `batch_size`?"),
        ("fit", "val_data", "`fit` has no argument `val_data`. Did you mean `validation_data`?"),
        ("evaluate", "batch", "`evaluate` has no argument `batch`."),
        ("evaluate", "return_dictionary", "Did you mean `return_dict`?"),
    ],
)
def test_misspelt_arguments(refuses, method, misspelt, argument):
    model = classifier()
    with refuses(model, argument, TypeError):
        getattr(model, method)(X, BITS, **{misspelt: 3})


def test_misspelt_arguments_of_predict(refuses):
    model = classifier()
    with refuses(
        model, "`predict` has no argument `batchsize`. Did you mean `batch_size`?", TypeError
    ):
        model.predict(X, batchsize=3)


@pytest.mark.parametrize("method", ["predict", "evaluate"])
@pytest.mark.parametrize("batch_size", [0, -1, "full"])
def test_batch_size_without_training(refuses, method, batch_size):
    model = classifier()
    data = [X] if method == "predict" else [X, BITS]
    with refuses(model, argument="batch_size"):
        getattr(model, method)(*data, batch_size=batch_size, verbose=0)


def test_an_object_that_is_no_model(invalid):
    with invalid("model"):
        kerasnn.fit("mlp", X, BITS)


def test_a_model_that_is_not_compiled(refuses):
    model = kerasnn.models.mlp(3, task="binary", compile=False)
    with refuses(model, argument="model"):
        model.fit(X, BITS)


class Batches(keras.utils.PyDataset):
    """Batches without an end."""

    @property
    def num_batches(self):
        return None

    def __getitem__(self, index):
        return X, BITS


def repeated():
    return tf.data.Dataset.from_tensor_slices((X, BITS)).batch(4).repeat()


ENDLESS = {
    "cycle": lambda: itertools.cycle([(X, BITS)]),
    "PyDataset": Batches,
    "tf.data": repeated,
}


@pytest.mark.parametrize("stream", ENDLESS.values(), ids=ENDLESS)
def test_a_stream_without_an_end(refuses, stream):
    model = classifier()
    with refuses(model, argument="steps_per_epoch"):
        model.fit(stream(), verbose=0)
    if stream is not repeated:  # `test_streams` has such a dataset.
        history = model.fit(stream(), steps_per_epoch=3, epochs=2, verbose=0)
        assert len(history.history["loss"]) == 2


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ({"y": BITS}, "y"),
        ({"sample_weight": np.ones(ROWS)}, "sample_weight"),
        (
            {"batch_size": 4},
            "batch_size",
        ),
        (
            {"validation_split": 0.5},
            "validation_split",
        ),
    ],
)
def test_arguments_that_a_stream_has_no_use_for(refuses, arguments, argument):
    model = classifier()
    stream = tf.data.Dataset.from_tensor_slices((X, BITS)).batch(4)
    with refuses(model, argument=argument):
        model.fit(stream, verbose=0, **arguments)


def test_an_empty_stream(refuses):
    model = classifier()
    stream = tf.data.Dataset.from_tensor_slices((X, BITS)).batch(4).take(0)
    with refuses(model, argument="x"):
        model.fit(stream, verbose=0)
