"""Every row once an epoch, in an order that a seed fixes, from arrays and from streams."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasnn
from kerasnn.training.inputs import generators
from kerasnn.training.loop import row_blocks
from tests.helpers import engine_cases
from tests.helpers.engine_cases import ROWS, X_HELD, Y_HELD, X, Y, assert_close, classifier
from tests.helpers.seeds import set_seeds

EPOCH = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None)


class Seen(keras.metrics.Metric):
    """Counts how often each row, known by its target, was trained on; and its place."""

    def __init__(self):
        super().__init__(name="seen")
        self.counts = self.add_variable((ROWS,), "zeros", name="counts")

    def update_state(self, y_true, y_pred, sample_weight=None):
        rows = keras.ops.cast(keras.ops.reshape(y_true, (-1,)), "int32")
        self.counts.assign_add(keras.ops.sum(keras.ops.one_hot(rows, ROWS), axis=0))

    def result(self):
        return self.counts

    def reset_state(self):
        self.counts.assign(keras.ops.zeros((ROWS,)))


def counter():
    set_seeds(1)
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1e-4), loss="mse", metrics=[Seen()])
    return model


@pytest.fixture
def many_rows(monkeypatch):
    """So many rows that XLA has them copied into the order, and not looked up where they lie."""
    monkeypatch.setattr(row_blocks, "_CACHED_BYTES", 0)


@pytest.fixture
def small_blocks(monkeypatch, many_rows):
    """Blocks that hold two batches of 16 rows; of five batches, the last has 6 rows."""
    monkeypatch.setattr(row_blocks, "_GATHERED_BYTES", 2 * 16 * (5 + 2) * 4)


@pytest.mark.parametrize("engine", ["graph", pytest.param("xla", marks=pytest.mark.slow)])
@pytest.mark.parametrize("callbacks", [None, EPOCH], ids=["many epochs a call", "one a call"])
@pytest.mark.parametrize("layout", [None, "small_blocks", "many_rows"])
def test_each_row_once_an_epoch(engine, callbacks, layout, request):
    if layout:
        request.getfixturevalue(layout)
    model = counter()
    rows = np.arange(ROWS)
    history = kerasnn.fit(
        model, X, rows, batch_size=16, epochs=6, verbose=0, callbacks=callbacks, engine=engine
    )
    np.testing.assert_array_equal(history.history["seen"], np.ones((6, ROWS)))
    assert int(model.optimizer.iterations.numpy()) == 6 * 5


def trained(seed=None, **arguments):
    model = classifier()
    history = kerasnn.fit(model, X, Y, epochs=7, batch_size=16, verbose=0, seed=seed, **arguments)
    return [*model.get_weights(), np.array(history.history["loss"])]


def test_seeds():
    train = engine_cases.starting_over(classifier())

    def weights(**arguments):
        set_seeds(1)
        return train(X, Y, **{"shuffle": True, **arguments})

    plain = weights()
    assert_close(weights(), plain, tolerance=0)
    five = weights(seed=5)
    assert_close(weights(seed=5), five, tolerance=0)
    for other in (five, weights(seed=6), weights(shuffle=False)):
        assert any((a != b).any() for a, b in zip(other, plain, strict=True))


@pytest.mark.parametrize("engine", ["graph", pytest.param("xla", marks=pytest.mark.slow)])
def test_calls_and_blocks_change_nothing(engine, request):
    """One call for many epochs, one an epoch, and slices of an epoch: the same numbers."""
    many = trained(engine=engine)
    assert_close(trained(engine=engine, callbacks=EPOCH), many, tolerance=1e-6)
    for layout in ("many_rows", "small_blocks"):
        request.getfixturevalue(layout)
        assert_close(trained(engine=engine), many, tolerance=1e-6)


@pytest.mark.slow
def test_engines_shuffle_in_the_same_order():
    assert_close(trained(engine="xla", seed=3), trained(engine="graph", seed=3))


def test_the_orders_of_two_epochs_differ():
    """With one batch of each row, and a rate that falls, the order shows in the weights."""
    data = row_blocks.RowBlocks(np.arange(50), rows=50, batch_size=10, shuffle=True, seed=0)
    orders = data.for_graph(0, 3)[1].numpy().reshape(3, 50)
    np.testing.assert_array_equal(np.sort(orders), np.tile(np.arange(50), (3, 1)))
    assert len({tuple(order) for order in orders}) == 3


def dataset(batch=16, *, weights=False, **options):
    parts = (X, Y, np.linspace(0, 2, ROWS, dtype="float32")) if weights else (X, Y)
    return tf.data.Dataset.from_tensor_slices(parts).batch(batch, **options)


def filtered():
    """A dataset that does not know how long it is."""
    return dataset().filter(lambda x, y: True)


STREAMS = {
    "of known length": (dataset, {"validation_data": dataset(8).take(3)}),
    "weighted, without a remainder": (
        lambda: dataset(weights=True, drop_remainder=True),
        {"validation_data": (X_HELD, Y_HELD)},
    ),
    "endless": (lambda: dataset().repeat(), {"steps_per_epoch": 3}),
}


@pytest.mark.filterwarnings("ignore:.shuffle=True. was passed:UserWarning")
@pytest.mark.parametrize("name", STREAMS)
def test_streams(name):
    make, arguments = STREAMS[name]
    theirs, ours = classifier(), classifier()
    wanted = engine_cases.fit_by_keras(theirs, make(), epochs=3, verbose=0, **arguments)
    got = kerasnn.fit(ours, make(), epochs=3, verbose=0, **arguments)
    assert got.engine == "graph"
    engine_cases.assert_same_history(got, wanted)
    assert_close(ours.get_weights(), theirs.get_weights())


def shuffled():
    set_seeds(2)
    return tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(ROWS, seed=4).batch(16)


def test_a_stream_that_shuffles_is_read_anew_for_each_epoch():
    """Keras begins to read it twice for each epoch, and so trains on every second order."""
    dataset = shuffled()
    orders = [[np.concatenate(parts) for parts in zip(*dataset, strict=True)] for _ in range(2)]
    assert (orders[0][1] != orders[1][1]).any()
    from_stream, from_arrays = classifier(), classifier()
    kerasnn.fit(from_stream, shuffled(), epochs=2, verbose=0)
    for x, y in orders:
        kerasnn.fit(from_arrays, x, y, batch_size=16, shuffle=False, verbose=0)
    # Equal but for rounding: of the two graphs TensorFlow's optimiser rewrites one.
    assert_close(from_stream.get_weights(), from_arrays.get_weights(), tolerance=1e-6)


def test_a_stream_of_unknown_length():
    """Keras counts one step too many in each epoch of it, which Adam and schedules would heed."""
    known, unknown = classifier(), classifier()
    kerasnn.fit(known, dataset(), epochs=3, verbose=0)
    kerasnn.fit(unknown, filtered(), epochs=3, verbose=0)
    assert_close(unknown.get_weights(), known.get_weights(), tolerance=1e-6)
    assert int(unknown.optimizer.iterations.numpy()) == 3 * 5


def test_a_stream_that_turns_out_to_be_empty(refuses):
    model = classifier()
    model.optimizer.build(model.trainable_variables)
    with refuses(model, argument="x"):
        kerasnn.fit(model, dataset().filter(lambda x, y: False), verbose=0)


def batches():
    while True:
        for start in range(0, ROWS, 14):
            yield X[start : start + 14], Y[start : start + 14]


def test_validating_on_a_generator():
    """Each validation takes up where the last one ended, and loses nothing in between."""
    arguments = {"epochs": 3, "shuffle": False, "verbose": 0}
    got = kerasnn.fit(
        classifier(), X, Y, validation_data=batches(), validation_steps=ROWS // 14, **arguments
    )
    wanted = kerasnn.fit(classifier(), X, Y, validation_data=(X, Y), **arguments)
    np.testing.assert_allclose(got.history["val_loss"], wanted.history["val_loss"], rtol=1e-5)


@pytest.mark.parametrize("data", [batches, lambda: dataset().repeat()])
def test_validation_data_without_an_end(data, refuses, monkeypatch):
    """A generator does not say that it has no end: at some size it is taken to have none."""
    monkeypatch.setattr(generators, "MOST_KEPT_BYTES", 1 << 20)
    model = classifier()
    with refuses(model, argument="validation_steps"):
        kerasnn.fit(model, X, Y, validation_data=data(), verbose=0)


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 5

    def __getitem__(self, index):
        return X[index * 14 : (index + 1) * 14], Y[index * 14 : (index + 1) * 14]


@pytest.mark.parametrize("make", [Batches, batches])
def test_streams_in_python(make):
    """They go through Keras's own loop; what they hold is what is trained on."""
    from_arrays, from_stream = classifier(), classifier()
    arguments = {"epochs": 2, "verbose": 0, "shuffle": False}
    kerasnn.fit(from_arrays, X, Y, batch_size=14, **arguments)
    if make is batches:
        arguments["steps_per_epoch"] = 5
    assert kerasnn.fit(from_stream, make(), **arguments).engine == "keras"
    assert_close(from_stream.get_weights(), from_arrays.get_weights())


def test_bytes_stay_bytes():
    """Images of integers are not converted to floats before they are batched."""
    pixels = (np.abs(X) * 50).astype("uint8")
    seen = []

    class Look(keras.layers.Layer):
        def call(self, x):
            seen.append(keras.backend.standardize_dtype(x.dtype))
            return keras.ops.cast(x, "float32") / 255

    set_seeds(1)
    model = keras.Sequential(
        [keras.Input((5,), dtype="uint8"), Look(), keras.layers.Dense(3, "softmax")]
    )
    model.compile("sgd", loss="sparse_categorical_crossentropy")
    kerasnn.fit(model, pixels, Y, verbose=0)
    assert set(seen) == {"uint8"}
