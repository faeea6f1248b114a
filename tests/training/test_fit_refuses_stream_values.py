"""Values in the batches of a stream: named by batch and row, and the weights put back."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from training_helpers import changed

import kerasnn
from kerasnn.training import evaluate, predict

ROWS = 12
X = np.random.default_rng(0).normal(size=(ROWS, 3)).astype("float32")
Y = np.arange(ROWS) % 3


def stream(*arrays):
    return tf.data.Dataset.from_tensor_slices(arrays).batch(4)


def batches(*arrays):
    """An iterator of batches that is no generator, without an end."""
    while True:
        yield from zip(*(np.split(a, 3) for a in arrays), strict=True)


@pytest.fixture(scope="module")
def model():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, "softmax")])
    model.compile("sgd", loss="sparse_categorical_crossentropy")
    # Made by training, and so not to be compared with what was before.
    model.optimizer.build(model.trainable_variables)
    return model


BAD = {
    "NaN": (
        changed(X, (10, 1), np.nan),
        Y,
        "Batch 2 of the stream: `x` must hold finite numbers; got nan in row 2, column 1. Drop",
    ),
    "a label out of range": (
        X,
        changed(Y, 5, 3),
        "Batch 1 of the stream: `y` must hold class numbers from 0 to 2, since the output has 3 "
        "units; got 3 in row 1. Number the classes from 0, or build the model with outputs=4.",
    ),
}


@pytest.mark.parametrize(("x", "y", "message"), BAD.values(), ids=BAD)
def test_a_dataset(refuses, model, x, y, message):
    with refuses(model, message):
        kerasnn.fit(model, stream(x, y), epochs=2, verbose=0)


@pytest.mark.parametrize(("x", "y", "message"), BAD.values(), ids=BAD)
def test_a_generator(refuses, model, x, y, message):
    with refuses(model, message):
        kerasnn.fit(model, batches(x, y), steps_per_epoch=3, verbose=0)


def test_weights_of_a_generator(refuses, model):
    weights = changed(np.ones(ROWS), 0, -1)
    message = "Batch 0 of the stream: `sample_weight` must be at least 0; got -1 in row 0."
    with refuses(model, message):
        kerasnn.fit(model, batches(X, Y, weights), steps_per_epoch=3, verbose=0)


def test_a_dataset_to_validate_on(refuses, model):
    message = "Batch 0 of the stream: `validation_data[1]` must hold class numbers from 0 to 2"
    with refuses(model, message):
        kerasnn.fit(model, X, Y, validation_data=stream(X, Y + 1), verbose=0)


def test_training_that_fails_for_another_reason_says_so(model):
    """The model keeps the weights from before the epoch that failed, not from before `fit`."""
    start = model.get_weights()
    leap = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 1e38 if epoch else 1e-2)
    with pytest.raises(FloatingPointError, match="Training left the finite numbers in epoch 2"):
        kerasnn.fit(model, stream(X, Y), epochs=3, callbacks=[leap], verbose=0)
    assert not np.array_equal(model.get_weights()[0], start[0])
    assert np.isfinite(model.get_weights()[0]).all()
    model.set_weights(start)
    model.optimizer.learning_rate = 0.01


def test_any_iterator_trains_as_a_generator_does(model):
    data = iter([(X, Y)] * 4)
    history = kerasnn.fit(model, data, steps_per_epoch=2, epochs=2, verbose=0)
    assert len(history.history["loss"]) == 2


@pytest.mark.parametrize("use", [evaluate, predict])
def test_streams_to_evaluate_and_predict(use, model):
    with pytest.raises(ValueError, match=r"`x` must have shape \(batch, 3\); got \(1, 2\)"):
        use(model, stream(X[:, :2], Y), verbose=0)
    with pytest.raises(ValueError, match="`x` must hold at least one batch; got an empty"):
        use(model, stream(X, Y).take(0), verbose=0)
    with pytest.raises(ValueError, match="`steps` must be given where `x` is a _RepeatDataset"):
        use(model, stream(X, Y).repeat(), verbose=0)
    with pytest.raises(ValueError, match="`steps` must be a whole number of at least 1; got"):
        use(model, stream(X, Y), steps=0, verbose=0)
