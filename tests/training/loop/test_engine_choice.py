"""Which engine runs, the reason for it, and the error of an engine that cannot run."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasnn
from kerasnn.training.engine_cost import xla_choice
from kerasnn.training.loop import engine_choice
from kerasnn.training.loop.job import Job
from tests.helpers.engine_cases import CLASSES, FEATURES, ROWS, X, Y, assert_close, classifier

STEPS = -(-ROWS // 32)


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return X[:8], Y[:8]


def generator():
    while True:
        yield X[:8], Y[:8]


def dataset():
    return tf.data.Dataset.from_tensor_slices((X, Y)).batch(16)


def chosen(model, x, y=None, **arguments):
    """The name of the first engine to try, and the reason; nothing is trained."""
    job = Job.read(model=model, x=x, y=y, **arguments)
    first = engine_choice.candidates(job)[0]
    return first.engine.name, first.reason


def trained(model, *data, **arguments):
    history = kerasnn.fit(model, *data, verbose=0, **arguments)
    return history.engine, history.reason


def test_few_steps_run_as_a_graph():
    few = f"{2 * STEPS} steps are too few to make up for XLA's compilation."
    assert chosen(classifier(), X, Y, epochs=2) == ("graph", few)
    assert chosen(classifier(), X, Y, epochs=80_000)[0] == "xla"


def test_many_steps_earn_a_compilation_which_later_runs_use(monkeypatch):
    monkeypatch.setattr(xla_choice, "FEWEST_STEPS", 4 * STEPS)
    monkeypatch.setattr(xla_choice, "MOST_STEPS", 4 * STEPS)
    model = classifier()
    assert trained(model, X, Y, epochs=2)[0] == "graph"
    # Earlier steps count if they were on data of the same shape.
    assert chosen(model, X[:64], Y[:64], epochs=2)[0] == "graph"
    wanted = "xla", f"{4 * STEPS} steps make up for XLA's compilation."
    assert trained(model, X, Y, epochs=2) == wanted
    assert trained(model, X, Y) == ("xla", "XLA has compiled this model already.")
    # A new `compile` starts the count anew.
    model.compile("sgd", loss="sparse_categorical_crossentropy")
    assert chosen(model, X, Y)[0] == "graph"


def test_convolutions_on_a_cpu_run_as_a_graph():
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("XLA is fast at convolutions on a GPU.")
    inner = keras.Sequential([keras.Input((FEATURES, 1)), keras.layers.Conv1D(2, 3)])
    reshape, flatten = keras.layers.Reshape((FEATURES, 1)), keras.layers.Flatten()
    model = classifier(hidden=lambda: [reshape, inner, flatten])
    wanted = "graph", "XLA has no fast convolution on a CPU."
    assert chosen(model, X, Y, epochs=80_000) == wanted


class OnTheHost(keras.layers.Layer):
    """Doubles by NumPy, which XLA cannot compile."""

    def call(self, x):
        return tf.ensure_shape(tf.numpy_function(lambda a: 2 * a, [x], x.dtype), x.shape)

    def compute_output_shape(self, input_shape):
        return input_shape


@pytest.mark.slow
def test_a_model_that_xla_cannot_compile_runs_as_a_graph(monkeypatch):
    monkeypatch.setattr(xla_choice, "FEWEST_STEPS", 1)
    monkeypatch.setattr(xla_choice, "MOST_STEPS", 1)
    model = classifier(hidden=lambda: [OnTheHost()])
    engine, reason = trained(model, X, Y, shuffle=False)
    assert engine == "graph"
    assert reason.startswith("XLA cannot compile this model.")
    assert "PyFunc" in reason
    twin = classifier(hidden=lambda: [OnTheHost()])
    keras.Model.fit(twin, X, Y, shuffle=False, verbose=0)
    assert_close(model.get_weights(), twin.get_weights())
    # XLA does not try again.
    engine, reason = chosen(model, X, Y)
    assert engine == "graph"
    assert "PyFunc" in reason


@pytest.mark.slow
def test_xla_by_name_reports_its_error(refuses):
    model = classifier(hidden=lambda: [OnTheHost()])
    model.optimizer.build(model.trainable_variables)
    with refuses(model, argument="engine", value="xla"):
        kerasnn.fit(model, X, Y, engine="xla", verbose=0)


class InPython(keras.Model):
    """Its step cannot be traced."""

    def __init__(self):
        super().__init__()
        self.out = keras.layers.Dense(CLASSES, "softmax")

    def call(self, x):
        return self.out(x)

    def train_step(self, data):
        if float(tf.reduce_sum(data[0])) > np.inf:
            raise AssertionError
        return super().train_step(data)


@pytest.mark.parametrize("data", [(X, Y), (dataset(),)], ids=["arrays", "stream"])
def test_a_step_that_cannot_be_traced(data, refuses):
    model = InPython()
    model.compile("sgd", loss="sparse_categorical_crossentropy")
    model(X)
    with refuses(model, argument="engine", value="graph"):
        kerasnn.fit(model, *data, engine="graph", verbose=0)
    # Keras cannot trace it either, and its error is raised under "auto".
    with refuses(model, "SymbolicTensor", TypeError):
        kerasnn.fit(model, *data, verbose=0)


def test_xla_cannot_read_text(refuses):
    words, y = np.array(["a", "b"] * 8), np.arange(16) % 2
    lookup = keras.layers.StringLookup(vocabulary=["a", "b"], output_mode="one_hot")
    model = keras.Sequential([keras.Input((), dtype="string"), lookup, keras.layers.Dense(1)])
    model.compile("sgd", loss="mse")
    with refuses(model, argument="engine", value="xla"):
        kerasnn.fit(model, words, y, engine="xla", verbose=0)
    assert chosen(model, words, y, epochs=80_000)[0] == "graph"
    assert trained(model, words, y)[0] == "graph"


class Outdated(keras.callbacks.Callback):
    def on_batch_begin(self, batch, logs=None):
        pass


class OddCheckpoint(keras.callbacks.ModelCheckpoint):
    def on_train_batch_end(self, batch, logs=None):
        pass


class Plain(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        pass


ONLY_KERAS = {
    "eager": (
        lambda: ({"run_eagerly": True}, (X, Y), {}),
        "`run_eagerly` asks for Python at every step",
    ),
    "nested batch method": (
        lambda: ({}, (X, Y), {"callbacks": [Plain(), [Outdated()]]}),
        "the callback `Outdated` needs every batch (`on_batch_begin`)",
    ),
    "subclass of ModelCheckpoint": (
        lambda: ({}, (X, Y), {"callbacks": OddCheckpoint("unwritten.keras")}),
        "the callback `OddCheckpoint` needs every batch (`on_train_batch_end`)",
    ),
    "PyDataset": (
        lambda: ({}, (Batches(),), {}),
        "a Batches makes its batches in Python",
    ),
    "generator": (
        lambda: ({}, (generator(),), {"steps_per_epoch": 2}),
        "a generator makes its batches in Python",
    ),
    "stream with class weights": (
        lambda: ({}, (dataset(),), {"class_weight": {0: 1.0, 1: 2.0, 2: 1.0}}),
        "Keras turns `class_weight` into sample weights of a stream",
    ),
    "part of the rows": (
        lambda: ({}, (X, Y), {"steps_per_epoch": 2}),
        "`steps_per_epoch` lets an epoch end within the data",
    ),
    "shuffled batches": (
        lambda: ({}, (X, Y), {"shuffle": "batch"}),
        "`shuffle='batch'` moves whole batches",
    ),
}


@pytest.mark.parametrize("name", ONLY_KERAS)
def test_jobs_that_only_keras_can_run(name, tmp_path, monkeypatch, invalid):
    monkeypatch.chdir(tmp_path)
    make, why = ONLY_KERAS[name]
    settings, data, arguments = make()
    model = classifier(**settings)
    with invalid("engine", "graph"):
        chosen(model, *data, engine="graph", **arguments)
    wanted = "keras", f"Only Keras's own loop can run it: {why}."
    assert chosen(model, *data, **arguments) == wanted


def test_keras_trains_with_batch_callbacks(refuses):
    model, seen = classifier(), []
    callback = keras.callbacks.LambdaCallback(on_train_batch_end=lambda b, logs: seen.append(b))
    with refuses(model, argument="engine", value="graph"):
        kerasnn.fit(model, X, Y, engine="graph", callbacks=callback, verbose=0)
    before = model.get_weights()
    assert trained(model, X, Y, callbacks=callback)[0] == "keras"
    assert seen == list(range(STEPS))
    assert any((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))


def test_a_distribution_strategy(refuses):
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        model = classifier()
    with refuses(model, argument="engine", value="xla"):
        kerasnn.fit(model, X, Y, engine="xla", verbose=0)
    reason = "A TensorFlow graph divides each batch between replicas, 1 in number."
    assert trained(model, X, Y) == ("graph", reason)
    with tf.distribute.OneDeviceStrategy("CPU:0").scope():
        model = classifier()
    engine, reason = trained(model, X, Y)
    assert engine == "keras"
    assert "a distribution strategy runs its own loop" in reason


def test_a_dataset_that_a_strategy_divides(refuses):
    batches = tf.data.Dataset.from_tensor_slices((X, Y)).batch(32)
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    divided = strategy.distribute_datasets_from_function(lambda _: batches)
    model, alone = classifier(), classifier()
    engine, reason = trained(model, divided)
    assert engine == "keras"
    assert "a distribution strategy divides its batches" in reason
    keras.Model.fit(alone, batches, shuffle=False, verbose=0)
    assert_close(model.get_weights(), alone.get_weights())
    found = kerasnn.training.evaluate(model, divided, verbose=0)
    np.testing.assert_allclose(found, alone.evaluate(X, Y, verbose=0), rtol=1e-5)
    fresh = keras.Sequential([keras.Input((FEATURES,)), kerasnn.layers.Standardize()])
    fresh.compile(loss="mse")
    with refuses(fresh, argument="x"):
        kerasnn.fit(fresh, divided, verbose=0)


def test_a_stateful_layer():
    cells = [keras.Input((FEATURES, 1), batch_size=10), keras.layers.GRU(2, stateful=True)]
    model = keras.Sequential([*cells, keras.layers.Dense(CLASSES, "softmax")])
    model.compile("sgd", loss="sparse_categorical_crossentropy")
    engine, reason = chosen(model, X[..., None], Y, batch_size=10, shuffle=False)
    assert engine == "keras"
    assert "a stateful recurrent layer needs batches of one fixed size" in reason


def test_streams_and_xla(invalid):
    model = classifier()
    with invalid("engine", "xla"):
        chosen(model, dataset(), engine="xla")
    wanted = "graph", "A tf.data.Dataset is read inside a TensorFlow graph."
    assert chosen(model, dataset()) == wanted


@pytest.mark.parametrize("engine", ["keras", "graph"])
def test_by_name(engine):
    assert chosen(classifier(), X, Y, engine=engine) == (
        engine,
        f"`engine={engine!r}` asked for it.",
    )
