"""Values in the batches of a stream: named by batch and row, and the weights put back."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasnn
from kerasnn import models
from kerasnn.training import evaluate, predict
from kerasnn.training.inputs.stream_values import BatchCheck
from tests.helpers.engine_cases import changed, fit_by_keras
from tests.helpers.seeds import set_seeds

# A test extra of several GB for a few lines would be too much.
try:
    import torch
except ImportError:
    torch = None

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
    set_seeds(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, "softmax")])
    model.compile("sgd", loss="sparse_categorical_crossentropy")
    # Made by training, and so not to be compared with what was before.
    model.optimizer.build(model.trainable_variables)
    return model


def test_a_dataset_to_validate_on(refuses, model):
    argument = "validation_data[1]"
    with refuses(model, argument=argument):
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


def test_a_dataset_that_fails_leaves_the_weights_from_before_the_epoch(model):
    """The next batch is read while a step runs, so the failure may come in the middle of one."""

    def batches():
        yield from zip(np.split(X, 3), np.split(Y, 3), strict=True)
        if next(epoch):
            raise RuntimeError("the file ends too early")

    epoch, start, ends = iter(range(3)), model.get_weights(), []
    specs = (tf.TensorSpec((4, 3)), tf.TensorSpec((4,), tf.int64))
    seen = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: ends.append(model.get_weights()))
    dataset = tf.data.Dataset.from_generator(batches, output_signature=specs)
    with pytest.raises(tf.errors.OpError, match="the file ends too early"):
        kerasnn.fit(model, dataset, epochs=3, callbacks=[seen], verbose=0)
    assert len(ends) == 1
    assert not np.array_equal(ends[0][0], start[0])
    for now, then in zip(model.get_weights(), ends[0], strict=True):
        np.testing.assert_array_equal(now, then)
    model.set_weights(start)


def test_any_iterator_trains_as_a_generator_does(model):
    data = iter([(X, Y)] * 4)
    history = kerasnn.fit(model, data, steps_per_epoch=2, epochs=2, verbose=0)
    assert len(history.history["loss"]) == 2


@pytest.mark.parametrize("use", [evaluate, predict])
def test_streams_to_evaluate_and_predict(invalid, use, model):
    with invalid("x"):
        use(model, stream(X[:, :2], Y), verbose=0)
    with invalid("x"):
        use(model, stream(X, Y).take(0), verbose=0)
    with invalid("steps"):
        use(model, stream(X, Y).repeat(), verbose=0)
    with invalid("steps"):
        use(model, stream(X, Y), steps=0, verbose=0)


class Batches(keras.utils.PyDataset):
    """Three batches of four rows, by their place."""

    def __init__(self, *arrays):
        super().__init__()
        self.arrays = arrays

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return tuple(a[4 * index : 4 * index + 4] for a in self.arrays)


def shuffled(*arrays):
    """A stream that gives its batches in one order only once."""
    return stream(*arrays).shuffle(3, seed=0)


def loader(*arrays):
    rows = torch.utils.data.TensorDataset(*map(torch.as_tensor, arrays))
    return torch.utils.data.DataLoader(rows, batch_size=4)


KINDS = {"dataset": stream, "PyDataset": Batches, "generator": batches}
if torch is not None:
    KINDS["torch"] = loader


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return KINDS[request.param]


def network(task, outputs=1):
    set_seeds(0)
    model = models.mlp(3, outputs, task=task, hidden=(), normalize=False)
    model.optimizer.build(model.trainable_variables)
    return model


@pytest.fixture(scope="module")
def binary():
    return network("binary")


CLASSES = np.arange(ROWS) % 2
WRONG = {
    "labels of 1 and 2": (X, CLASSES + 1, "{y}"),
    "a late -1": (X, changed(CLASSES, 6, -1), "{y}"),
    "NaN": (
        X,
        changed(CLASSES, 9, np.nan, "float32"),
        "{y}",
    ),
    "infinity": (
        changed(X, (4, 2), -np.inf),
        CLASSES,
        "{x}",
    ),
    "a negative weight": (
        X,
        CLASSES,
        changed(np.ones(ROWS, "float32"), 11, -0.5),
        "{w}",
    ),
    "a weight that is NaN": (
        X,
        CLASSES,
        changed(np.ones(ROWS, "float32"), 0, np.nan),
        "{w}",
    ),
}


def test_labels_of_a_dataset(refuses, model):
    """They are class numbers, which the compiled program checks."""
    labels = changed(Y, 5, 3)
    with refuses(model, argument="y", value=labels[5]):
        kerasnn.fit(model, stream(X, labels), epochs=2, verbose=0)


@pytest.mark.parametrize("case", WRONG)
def test_every_kind_of_value_in_training(refuses, binary, case):
    *data, argument = WRONG[case]
    with refuses(binary, argument=argument.format(x="x", y="y", w="sample_weight")):
        kerasnn.fit(binary, stream(*data), verbose=0)


@pytest.mark.parametrize("case", ["a late -1", "a negative weight"])
def test_every_stream_in_training(refuses, binary, kind, case):
    *data, argument = WRONG[case]
    with refuses(binary, argument=argument.format(x="x", y="y", w="sample_weight")):
        kerasnn.fit(binary, kind(*data), steps_per_epoch=3 if kind is batches else None, verbose=0)


@pytest.mark.parametrize("case", ["a late -1", "infinity"])
def test_every_stream_in_validation_and_evaluation(refuses, binary, kind, case):
    *data, argument = WRONG[case]
    steps = 3 if kind is batches else None
    names = [f"validation_data[{i}]" for i in range(3)]
    with refuses(binary, argument=argument.format(**dict(zip("xyw", names, strict=True)))):
        kerasnn.fit(
            binary,
            stream(X, CLASSES),
            validation_data=kind(*data),
            validation_steps=steps,
            verbose=0,
        )
    with refuses(binary, argument=argument.format(x="x", y="y", w="sample_weight")):
        evaluate(binary, kind(*data), steps=steps, verbose=0)


@pytest.mark.parametrize("engine", ["graph", "keras"])
def test_the_batch_in_question_of_a_stream_that_shuffles(refuses, binary, engine):
    labels = changed(CLASSES, 6, 7)
    # The order, by which the batch has its number, depends on both seeds.
    tf.random.set_seed(0)
    with refuses(binary, argument="y"):
        kerasnn.fit(binary, shuffled(X, labels), engine=engine, epochs=3, verbose=0)


def test_every_stream_in_prediction(invalid, binary, kind):
    data = changed(X, (6, 0), np.nan), CLASSES + 5
    steps = 3 if kind is batches else None
    with invalid("x"):
        predict(binary, kind(*data), steps=steps, verbose=0)
    got = predict(binary, kind(X, CLASSES + 5), steps=steps, verbose=0)
    np.testing.assert_allclose(got, binary.predict(X, verbose=0), rtol=1e-5)


def test_negative_counts(refuses, kind):
    model = network("count")
    steps = 3 if kind is batches else None
    with refuses(model, argument="y"):
        kerasnn.fit(model, kind(X, changed(CLASSES, 7, -2)), steps_per_epoch=steps, verbose=0)


@pytest.mark.parametrize("kind_of_stream", [name for name in KINDS if name != "generator"])
def test_a_sweep_of_rates(refuses, binary, kind_of_stream):
    data = KINDS[kind_of_stream](X, changed(CLASSES, 6, 2))
    with refuses(binary, argument="y"):
        kerasnn.lr_find(binary, data)


@pytest.mark.parametrize(("seen", "known"), [(stream, True), (Batches, False)])
def test_a_refused_stream_leaves_no_trace(invalid, seen, known):
    """Weights and optimizer state built meanwhile are as new: the next training equals Keras's."""

    def build():
        set_seeds(3)
        layers = [keras.Input((3,))] if known else []
        model = keras.Sequential([*layers, keras.layers.Dense(1, "sigmoid")])
        model.compile("adam", loss="binary_crossentropy", metrics=["accuracy"])
        return model

    ours, theirs = build(), build()
    with invalid("y"):
        kerasnn.fit(ours, seen(X, changed(CLASSES, 9, 2)), verbose=0, shuffle=False)
    assert not any(v.numpy().any() for v in ours.metrics_variables)
    got = kerasnn.fit(ours, seen(X, CLASSES), epochs=2, verbose=0, shuffle=False)
    plan: dict = {"epochs": 2, "verbose": 0, "shuffle": False}
    wanted = fit_by_keras(theirs, stream(X, CLASSES), **plan)
    np.testing.assert_allclose(got.history["loss"], wanted.history["loss"], rtol=1e-5)
    np.testing.assert_allclose(ours.get_weights()[0], theirs.get_weights()[0], rtol=1e-4)


def test_values_at_the_bounds_train_as_in_keras():
    weights = np.linspace(0, 2, ROWS).astype("float32")
    data = [stream(1e3 * X, CLASSES.astype(t), weights) for t in ("float16", "float64", "uint8")]
    quiet: dict = {"shuffle": False, "verbose": 0}
    wanted = keras.Model.fit(network("binary"), data[0], **quiet)
    for each in data:
        got = kerasnn.fit(network("binary"), each, verbose=0)
        assert got.engine == "graph"
        np.testing.assert_allclose(got.history["loss"], wanted.history["loss"], rtol=1e-5)


def test_large_numbers_and_targets_of_no_known_range():
    """The sum of squares of such numbers is infinite in float32; they themselves are not."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Rescaling(1e-30)])
    model.add(keras.layers.Dense(1))
    model.compile("sgd", loss="mae")
    data = tf.data.Dataset.from_tensors((np.full((4, 1), 1e30, "float32"), np.full(4, -1e30)))
    assert kerasnn.fit(model, data, verbose=0).history["loss"] == [pytest.approx(1e30, rel=1e-4)]


def test_a_subclassed_model(refuses):
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1, "sigmoid")

        def call(self, x):
            return self.dense(x)

    model = Own()
    model.compile("sgd", loss="binary_crossentropy")
    model(X)
    model.optimizer.build(model.trainable_variables)
    for seen in (stream, Batches):
        with refuses(model, argument="y"):
            kerasnn.fit(model, seen(X, changed(CLASSES, 6, 2)), verbose=0)
        with refuses(model, argument="y"):
            evaluate(model, seen(X, changed(CLASSES, 6, 2)), verbose=0)


def test_checks_leave_the_length_of_a_dataset_alone(binary):
    check = BatchCheck(binary, ("x", "y", "sample_weight"))
    data = stream(X, CLASSES)
    endless, unknown = data.repeat(), data.filter(lambda *batch: True)
    for one in (data, endless, unknown):
        assert check.stream(one).cardinality() == one.cardinality()
        assert check.stream(one).element_spec == one.element_spec
