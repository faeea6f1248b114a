"""Which engine runs, what is said about it, and what an engine that cannot run says."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from engine_cases import CLASSES, FEATURES, ROWS, X, Y, classifier

import kerasnn
from kerasnn.training.loop import engines

EPOCH = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None)
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


def chosen(model, *data, **arguments):
    history = kerasnn.fit(model, *data, verbose=0, **arguments)
    return history.engine, history.reason


def test_few_steps_stay_a_graph():
    assert chosen(classifier(), X, Y, epochs=2) == (
        "graph",
        f"{2 * STEPS} steps do not earn back what XLA takes to compile.",
    )


def test_many_steps_earn_a_compilation_which_later_runs_use(monkeypatch):
    monkeypatch.setattr(engines, "XLA_STEPS_IF_SMALL", 4 * STEPS)
    model = classifier()
    assert chosen(model, X, Y, epochs=2)[0] == "graph"
    # The steps that the model has behind it count, if they were on such data.
    assert chosen(model, X[:64], Y[:64], epochs=2)[0] == "graph"
    assert chosen(model, X, Y, epochs=2) == (
        "xla",
        f"{4 * STEPS} steps earn back what XLA takes to compile.",
    )
    assert chosen(model, X, Y) == ("xla", "XLA has compiled this model already.")
    # Compiled anew by Keras, it has to earn that again.
    model.compile("sgd", loss="sparse_categorical_crossentropy")
    assert chosen(model, X, Y)[0] == "graph"


def test_convolutions_on_a_cpu_stay_a_graph(monkeypatch):
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("XLA is fast at convolutions on a GPU.")
    monkeypatch.setattr(engines, "XLA_STEPS_IF_SMALL", 1)
    inner = keras.Sequential([keras.Input((FEATURES, 1)), keras.layers.Conv1D(2, 3)])
    model = classifier(hidden=lambda: [keras.layers.Reshape((FEATURES, 1)), inner, flat()])
    assert chosen(model, X, Y) == ("graph", "XLA has no fast convolution on a CPU.")


def flat():
    return keras.layers.Flatten()


class OnTheHost(keras.layers.Layer):
    """Doubles by NumPy, which XLA cannot compile."""

    def call(self, x):
        return tf.ensure_shape(tf.numpy_function(lambda a: 2 * a, [x], x.dtype), x.shape)

    def compute_output_shape(self, input_shape):
        return input_shape


@pytest.mark.slow
def test_what_xla_cannot_compile_goes_on_as_a_graph(monkeypatch):
    monkeypatch.setattr(engines, "XLA_STEPS_IF_SMALL", 1)
    model = classifier(hidden=lambda: [OnTheHost()])
    fails = "XLA cannot compile this model. It says: "
    engine, reason = chosen(model, X, Y, shuffle=False)
    assert engine == "graph"
    assert reason.startswith(fails)
    assert "PyFunc" in reason
    twin = classifier(hidden=lambda: [OnTheHost()])
    keras.Model.fit(twin, X, Y, shuffle=False, verbose=0)
    for got, wanted in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-6)
    # XLA is not asked again.
    monkeypatch.setattr(tf, "function", None)
    assert chosen(model, X, Y) == (engine, reason)


@pytest.mark.slow
def test_xla_by_name_says_what_it_cannot_compile(refuses):
    model = classifier(hidden=lambda: [OnTheHost()])
    model.optimizer.build(model.trainable_variables)
    with refuses(model, "`engine='xla'` cannot run this model. It says: Detected unsupported"):
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
    with refuses(model, "`engine='graph'` cannot run this model. It says: "):
        kerasnn.fit(model, *data, engine="graph", verbose=0)
    # Keras cannot trace it either, and says so under "auto".
    with refuses(model, "SymbolicTensor", TypeError):
        kerasnn.fit(model, *data, verbose=0)


def test_text_is_kept_from_xla(refuses):
    # At the second program with text, XLA would end the process.
    words, y = np.array(["a", "b"] * 8), np.arange(16) % 2
    for _ in range(2):
        model = keras.Sequential(
            [
                keras.Input((), dtype="string"),
                keras.layers.StringLookup(vocabulary=["a", "b"], output_mode="one_hot"),
                keras.layers.Dense(1),
            ]
        )
        model.compile("sgd", loss="mse")
        with refuses(model, "`engine='xla'` cannot run this model. It says: XLA knows no text."):
            kerasnn.fit(model, words, y, engine="xla", verbose=0)
        assert kerasnn.fit(model, words, y, verbose=0).engine == "graph"


def batch_callback():
    return keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)


class Outdated(keras.callbacks.Callback):
    def on_batch_begin(self, batch, logs=None):
        pass


class OddCheckpoint(keras.callbacks.ModelCheckpoint):
    def on_train_batch_end(self, batch, logs=None):
        pass


ONLY_KERAS = {
    "eager": (
        lambda: (classifier(run_eagerly=True), (X, Y), {}),
        "`run_eagerly` asks for Python at every step",
    ),
    "batch method": (
        lambda: (classifier(), (X, Y), {"callbacks": batch_callback()}),
        "the callback `LambdaCallback` wants every batch (`on_train_batch_end`)",
    ),
    "nested batch method": (
        lambda: (classifier(), (X, Y), {"callbacks": [EPOCH, [Outdated()]]}),
        "the callback `Outdated` wants every batch (`on_batch_begin`)",
    ),
    "checkpoints of a class of one's own": (
        lambda: (classifier(), (X, Y), {"callbacks": OddCheckpoint("unwritten.keras")}),
        "the callback `OddCheckpoint` wants every batch (`on_train_batch_end`)",
    ),
    "PyDataset": (
        lambda: (classifier(), (Batches(),), {}),
        "a Batches makes its batches in Python",
    ),
    "generator": (
        lambda: (classifier(), (generator(),), {"steps_per_epoch": 2}),
        "a generator makes its batches in Python",
    ),
    "stream with class weights": (
        lambda: (classifier(), (dataset(),), {"class_weight": {0: 1.0, 1: 2.0, 2: 1.0}}),
        "Keras turns `class_weight` into sample weights of a stream",
    ),
    "part of the rows": (
        lambda: (classifier(), (X, Y), {"steps_per_epoch": 2}),
        "`steps_per_epoch` lets an epoch end within the data",
    ),
    "shuffled batches": (
        lambda: (classifier(), (X, Y), {"shuffle": "batch"}),
        "`shuffle='batch'` moves whole batches",
    ),
}


@pytest.mark.parametrize("name", ONLY_KERAS)
def test_what_only_keras_can_run(name, tmp_path, monkeypatch, refuses):
    monkeypatch.chdir(tmp_path)
    build, why = ONLY_KERAS[name]
    model, data, arguments = build()
    with refuses(model, f"`engine='graph'` cannot run this job: {why}. Use engine='auto'."):
        kerasnn.fit(model, *data, engine="graph", verbose=0, **arguments)
    before = model.get_weights()
    engine, reason = chosen(model, *data, **arguments)
    assert (engine, reason) == ("keras", f"Only Keras's own loop can run it: {why}.")
    assert any((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))


def test_a_distribution_strategy(refuses):
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        model = classifier()
    why = "a distribution strategy runs its own loop"
    with refuses(model, f"`engine='xla'` cannot run this job: {why}. Use engine='auto'."):
        kerasnn.fit(model, X, Y, engine="xla", verbose=0)
    assert chosen(model, X, Y) == ("keras", f"Only Keras's own loop can run it: {why}.")


def test_a_stateful_layer():
    cells = [keras.Input((FEATURES, 1), batch_size=10), keras.layers.GRU(2, stateful=True)]
    model = keras.Sequential([*cells, keras.layers.Dense(CLASSES, "softmax")])
    model.compile("sgd", loss="sparse_categorical_crossentropy")
    engine, reason = chosen(model, X[..., None], Y, batch_size=10, shuffle=False)
    assert engine == "keras"
    assert "a stateful recurrent layer wants batches of one fixed size" in reason


def test_streams_and_xla(refuses):
    model = classifier()
    message = "`engine='xla'` cannot run this job: a tf.data.Dataset is read inside a TensorFlow "
    with refuses(model, message):
        kerasnn.fit(model, dataset(), engine="xla", verbose=0)
    assert chosen(model, dataset()) == (
        "graph",
        "A tf.data.Dataset is read inside a TensorFlow graph.",
    )


def test_by_name():
    model = classifier()
    for engine in ("keras", "graph"):
        wanted = engine, f"`engine={engine!r}` asked for it."
        assert chosen(model, X, Y, engine=engine) == wanted
