"""`fit` refuses a `tf.data.Dataset` whose batches cannot suit the model, before it draws one."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasnn
from kerasnn import training

ROWS = 12
X = np.random.default_rng(0).normal(size=(ROWS, 3)).astype("float32")
CLASSES = np.arange(ROWS) % 3


def stream(*arrays, batch=4):
    rows = tf.data.Dataset.from_tensor_slices(arrays)
    return rows.batch(batch) if batch else rows


def classifier():
    return kerasnn.models.mlp(3, 3, task="multiclass", hidden=(), seed=0)


def regressor():
    return kerasnn.models.mlp(3, 3, task="regression", hidden=(), normalize=False, seed=0)


STREAMS = {
    "too few features": (
        classifier,
        stream(X[:, :2], CLASSES),
        "x",
    ),
    "single rows": (
        classifier,
        stream(X, CLASSES, batch=None),
        "x",
    ),
    "one-hot for a sparse loss": (
        classifier,
        stream(X, np.eye(3)[CLASSES]),
        "y",
    ),
    "a column that broadcasts": (
        regressor,
        stream(X, X[:, :1]),
        "y",
    ),
    "a vector that broadcasts": (
        regressor,
        stream(X, X[:, 0]),
        "y",
    ),
    "text": (
        classifier,
        stream(X, np.array(["a"] * ROWS)),
        "y",
    ),
    "names of inputs": (
        classifier,
        stream({"feature": X}, CLASSES),
        "x",
    ),
}


@pytest.mark.parametrize(("build", "data", "argument"), STREAMS.values(), ids=STREAMS)
def test_streams(refuses, build, data, argument):
    model = build()
    with refuses(model, argument=argument):
        model.fit(data, verbose=0)


@pytest.mark.parametrize(("build", "data", "argument"), STREAMS.values(), ids=STREAMS)
def test_streams_to_validate_on(refuses, build, data, argument):
    model = build()
    y = CLASSES if build is classifier else X
    called = argument.replace("x", "validation_data[0]").replace("y", "validation_data[1]")
    with refuses(model, argument=called):
        model.fit(X, y, validation_data=data, verbose=0)


def test_an_endless_stream_to_validate_on(refuses):
    model = classifier()
    with refuses(model, argument="validation_steps"):
        model.fit(X, CLASSES, validation_data=stream(X, CLASSES).repeat(), verbose=0)


def sequences():
    model = keras.Sequential([keras.Input((None, 3)), keras.layers.Dense(2, "softmax")])
    model.compile("sgd", loss="sparse_categorical_crossentropy")
    return model


def regular():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", loss="mse")
    return model


def free(batch, specs):
    """A stream of one batch of ones whose shapes are partly unknown."""
    arrays = tuple(np.ones(shape, "float32") for shape in batch)
    signature = tuple(tf.TensorSpec(shape, "float32") for shape in specs)
    return tf.data.Dataset.from_generator(lambda: iter([arrays]), output_signature=signature)


@pytest.mark.parametrize(
    ("build", "data"),
    [
        (regular, stream(X, X[:, 0])),
        (regular, stream(X, X[:, :1])),
        (regular, stream(X, X[:, 0], np.ones(ROWS))),
        (regular, free([(4, 3), (4,)], [(None, None), (None,)])),
        (regular, free([(4, 3), (4, 1)], [(None, 3), (None, None)])),
        (sequences, free([(2, 5, 3), (2, 5)], [(None, None, 3), (None, None)])),
        (sequences, free([(2, 5, 3), (2, 5, 1)], [(2, 5, 3), (2, 5, 1)])),
    ],
)
def test_streams_that_suit_the_model(build, data):
    history = kerasnn.fit(build(), data, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


def test_a_stream_of_unknown_rank(invalid):
    """As of a generator whose shapes are not given."""
    model, rows = regular(), (np.ones((4, 3)), np.ones(4))
    for name, shapes in (("x", (None, (None,))), ("y", ((None, 3), None))):
        signature = tuple(tf.TensorSpec(shape, tf.float32) for shape in shapes)
        data = tf.data.Dataset.from_generator(lambda: iter([rows]), output_signature=signature)
        for call in (kerasnn.fit, training.evaluate, training.predict):
            with invalid(name):
                call(model, data, verbose=0)
