"""Values that index the rows of an `Embedding`, in every entrance."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasnn
from kerasnn.training import evaluate, predict
from kerasnn.training.inputs.embeddings import indices_of
from tests.helpers.engine_cases import changed, fit_by_keras

ROWS = 12
IDS = np.arange(2 * ROWS).reshape(ROWS, 2) % 5
Y = np.arange(ROWS) % 2
TOO_HIGH = "x"
NEGATIVE = "x"
WRONG = {"too high": ((3, 1), 5, TOO_HIGH), "negative": ((7, 0), -1, NEGATIVE)}


def words(**arguments):
    return keras.layers.Embedding(5, 3, name="words", **arguments)


def compiled(model):
    model.compile("adam", loss="binary_crossentropy")
    model.optimizer.build(model.trainable_variables)
    return model


@pytest.fixture(scope="module")
def model():
    layers = [keras.Input((2,)), words(mask_zero=True), keras.layers.LSTM(2)]
    return compiled(keras.Sequential([*layers, keras.layers.Dense(1, "sigmoid")]))


def stream(x, y):
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(4)


class Batches(keras.utils.PyDataset):
    def __init__(self, x, y):
        super().__init__()
        self.x, self.y = x, y

    def __len__(self):
        return 3

    def __getitem__(self, index):
        rows = slice(4 * index, 4 * index + 4)
        return self.x[rows], self.y[rows]


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("engine", ["auto", "xla", "graph", "keras"])
def test_arrays_in_training(refuses, model, engine, case):
    index, value, argument = WRONG[case]
    with refuses(model, argument=argument):
        kerasnn.fit(model, changed(IDS, index, value), Y, engine=engine, verbose=0)


def test_arrays_elsewhere(refuses, model):
    index, value, argument = WRONG["negative"]
    x = changed(IDS, index, value)
    callbacks = [keras.callbacks.Callback()]
    for use in (
        lambda: evaluate(model, x, Y, verbose=0),
        lambda: predict(model, x, verbose=0),
        lambda: kerasnn.lr_find(model, x, Y),
        # Keras's own loop.
        lambda: evaluate(model, x, Y, callbacks=callbacks, verbose=0),
        lambda: predict(model, x, steps=1, verbose=0),
    ):
        with refuses(model, argument=argument):
            use()
    with refuses(model, argument="validation_data[0]"):
        kerasnn.fit(model, IDS, Y, validation_data=(x, Y), verbose=0)


@pytest.mark.parametrize("seen", [stream, Batches])
def test_streams(refuses, model, seen):
    index, value, argument = WRONG["negative"]
    data = seen(changed(IDS, index, value), Y)
    for use in (kerasnn.fit, evaluate, predict):
        with refuses(model, argument=argument):
            use(model, data, verbose=0)
    with refuses(model, argument="validation_data[0]"):
        kerasnn.fit(model, stream(IDS, Y), validation_data=data, verbose=0)


def test_a_generator(refuses, model):
    x = changed(IDS, (5, 0), 9)
    batches = ((x[i : i + 4], Y[i : i + 4]) for i in (0, 4, 8))
    with refuses(model, argument="x", value=x.dtype.type(9)):
        kerasnn.fit(model, batches, steps_per_epoch=3, verbose=0)


def test_indices_of_all_rows_train_as_in_keras(model):
    theirs = compiled(keras.models.clone_model(model))
    theirs.set_weights(model.get_weights())
    ours = compiled(keras.models.clone_model(model))
    ours.set_weights(model.get_weights())
    plan: dict = {"batch_size": 4, "shuffle": False, "verbose": 0}
    wanted = fit_by_keras(theirs, IDS, Y, **plan)
    got = kerasnn.fit(ours, stream(IDS, Y), verbose=0)
    np.testing.assert_allclose(got.history["loss"], wanted.history["loss"], rtol=1e-5)


def sliced():
    """Users in column 0 and items in column 1, each with a table of its own."""
    pairs: Any = keras.Input((2,), dtype="int32")
    users = keras.layers.Embedding(5, 2, name="users")(pairs[:, 0])
    items = keras.layers.Embedding(9, 2, name="items")(pairs[:, 1])
    return keras.Model(pairs, keras.layers.Dot(1)([users, items]))


def shared():
    """One table for both inputs, inside a model that is called twice."""
    tower = keras.Sequential(
        [keras.Input((1,), dtype="int32"), words(), keras.layers.Flatten()], name="tower"
    )
    left, right = (keras.Input((1,), dtype="int32", name=name) for name in ("left", "right"))
    return keras.Model([left, right], keras.layers.Dot(1)([tower(left), tower(right)]))


def test_slices_of_an_input(invalid):
    model = sliced()
    predict(model, [[4, 8], [0, 0]], verbose=0)
    with invalid("x"):
        predict(model, np.array([[4, 8], [5, 8]]), verbose=0)
    with invalid("x"):
        predict(model, np.array([[4, 9], [0, 8]]), verbose=0)


def test_a_table_that_two_inputs_share(invalid):
    model = shared()
    good, bad = np.array([[4], [0]]), np.array([[0], [7]])
    predict(model, [good, good], verbose=0)
    for place, data in enumerate(([bad, good], [good, bad])):
        with invalid(f"x[{place}]"):
            predict(model, data, verbose=0)
    with invalid("x['right']"):
        predict(model, {"left": good, "right": bad}, verbose=0)


def built(inputs, *layers):
    tensor = inputs
    for layer in layers:
        tensor = layer(tensor)
    return keras.Model(inputs, tensor)


class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.words = words()

    def call(self, x):
        return self.words(x)


def lookup():
    return keras.layers.IntegerLookup(vocabulary=[7, 900])


# How many uses are known: only those that values reach unchanged.
KNOWN = {
    "sequential": (lambda: keras.Sequential([keras.Input((2,)), words()]), 1),
    "sequential, not built": (lambda: keras.Sequential([words()]), 1),
    "reshaped": (lambda: built(keras.Input((4,)), keras.layers.Reshape((2, 2)), words()), 1),
    "operations": (
        lambda: built(
            keras.Input((4, 1)), lambda t: keras.ops.cast(keras.ops.squeeze(t, 2), "int32"), words()
        ),
        1,
    ),
    "sliced": (sliced, 2),
    "shared": (shared, 2),
    "looked up": (lambda: built(keras.Input((2,), dtype="int64"), lookup(), words()), 0),
    "computed": (lambda: built(keras.Input((2,), dtype="int32"), lambda t: t - 1, words()), 0),
    "none": (lambda: built(keras.Input((2,)), keras.layers.Dense(1)), 0),
    "a call of one's own": (Own, 0),
}


@pytest.mark.parametrize("name", KNOWN)
def test_inputs_that_are_indices(name):
    build, count = KNOWN[name]
    assert len(indices_of(build())) == count


def test_results_of_a_lookup_are_not_checked():
    model = keras.Sequential([keras.Input((2,), dtype="int64"), lookup(), words()])
    assert predict(model, np.array([[900, 7], [-5, 10**9]]), verbose=0).shape == (2, 2, 3)
