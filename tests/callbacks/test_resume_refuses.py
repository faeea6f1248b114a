"""What cannot be gone on with exactly is refused before anything changes."""

import re
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from resume_runs import X, Y, network, small, train

import kerasnn
from kerasnn import schedules
from kerasnn.callbacks import BestModel, LearningRateDecay, Resume


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "run"
    train(network(), [Resume(path)], epochs=2)
    return path


@pytest.fixture
def path(saved, tmp_path):
    shutil.copy(saved, tmp_path / "run")
    return tmp_path / "run"


def other_rows():
    x = X.copy()
    x[7, 3] += 1
    return x


def with_optimizer(optimizer):
    model = network()
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: network(units=17), "`model.layers[2].units` was 16, is now 17"),
        (lambda: network(rate=0.1), "`optimizer.learning_rate` was 0.05"),
        (lambda: with_optimizer("adam"), "`optimizer.class` was 'SGD', is now 'Adam'"),
        (
            lambda: network(loss=keras.losses.SparseCategoricalCrossentropy(reduction="sum")),
            "`loss` was 'sparse_categorical_crossentropy', is now absent",
        ),
    ],
    ids=["model", "rate", "optimizer", "loss"],
)
def test_another_model_optimizer_or_loss_is_named(path, refuses, model, message):
    model, before = model(), path.read_bytes()
    with refuses(model, message):
        train(model, [Resume(path)], epochs=4)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("x", "arguments", "message"),
    [
        (other_rows(), {}, "`x` was float32 (240, 8)"),
        (X[:290], {}, "`x` was float32 (240, 8)"),
        (X.astype("float64"), {"sample_weight": np.ones(300)}, "`sample_weight` was absent"),
        (X, {"batch_size": 31}, "`fit.batch_size` was 32, is now 31"),
        (X, {"shuffle": False}, "`fit.shuffle` was True, is now False"),
        (X, {"validation_split": 0.0}, "is now absent"),
        (X, {"seed": 3}, "by which the saved run orders its rows, or left out; got seed=3. Use"),
        (X, {"epochs": 1}, "`epochs` must be at least 2, which the saved run has behind it"),
    ],
    ids=["row", "rows", "weights", "batch", "order", "validation", "seed", "epochs"],
)
def test_other_data_and_arguments_are_named(path, refuses, x, arguments, message):
    model = network()
    plan = {"batch_size": 32, "validation_split": 0.2, "epochs": 4, "verbose": 0}
    with refuses(model, message):
        kerasnn.fit(model, x, Y[: len(x)], callbacks=[Resume(path)], **plan | arguments)


def test_a_refused_run_learns_no_scaling_and_keeps_no_lock(path):
    model = network()
    with pytest.raises(ValueError, match="`x` was"):
        kerasnn.fit(model, 9 * X, Y, 32, callbacks=[Resume(path)], validation_split=0.2)
    assert not model.layers[0].adapted
    history = train(network(), [Resume(path)], epochs=2)
    assert history.epoch == [0, 1]


def test_a_subclassed_model_is_known_by_its_variables(tmp_path):
    class Net(keras.Model):
        def __init__(self, units):
            super().__init__()
            self.dense = keras.layers.Dense(units, activation="softmax")

        def call(self, inputs):
            return self.dense(inputs)

    def fit(units, epochs):
        model = Net(units)
        model.compile("sgd", "sparse_categorical_crossentropy")
        resume = Resume(tmp_path / "run")
        kerasnn.fit(model, X, Y, epochs=epochs, callbacks=[resume], engine="graph", verbose=0)

    fit(3, 1)
    with pytest.raises(
        ValueError, match=re.escape("`variables[0]` was float32 (8, 3), is now float32 (8, 4)")
    ):
        fit(4, 2)
    fit(3, 2)


def dataset(**shuffling):
    return tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(300, **shuffling).batch(32)


@pytest.mark.parametrize(
    ("data", "arguments", "message"),
    [
        (lambda: dataset(), {}, "must give the same batches in the same order each time"),
        (lambda: dataset(seed=1), {}, "Use `reshuffle_each_iteration=False` and a seed"),
        (lambda: dataset().repeat(), {"steps_per_epoch": 2}, "got one without an end"),
        (lambda: iter([(X, Y)]), {"steps_per_epoch": 1}, "must be arrays or a tf.data.Dataset"),
    ],
    ids=["new order", "seeded", "endless", "generator"],
)
def test_a_stream_that_cannot_be_read_once_more_is_refused(
    tmp_path, refuses, data, arguments, message
):
    model = network()
    model.layers[0].adapt(X)
    with refuses(model, message):
        kerasnn.fit(model, data(), callbacks=[Resume(tmp_path / "run")], verbose=0, **arguments)


def test_validation_on_a_stream_that_changes_is_refused(tmp_path, refuses):
    model = network()
    with refuses(model, "`validation_data` must give the same batches"):
        kerasnn.fit(
            model, X, Y, callbacks=[Resume(tmp_path / "run")], verbose=0, validation_data=dataset()
        )


def test_the_order_of_rows_of_the_own_loop_of_keras_is_refused(tmp_path, refuses):
    model = network()
    with refuses(model, "`shuffle` must be False where `Resume` is given and Keras's own loop"):
        train(model, [Resume(tmp_path / "run")], engine="keras")


def test_keras_fit_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"`Resume` must be given to `kerasnn.fit`"):
        keras.Model.fit(network(), X, Y, callbacks=[Resume(tmp_path / "run")], verbose=0)


@pytest.mark.parametrize(
    "content", [b"rate,loss\n0.1,2.3\n" * 99, b"PK\x03\x04" + bytes(500), b"a"]
)
@pytest.mark.parametrize("beside", [False, True])
def test_a_file_of_another_is_refused_and_stays(saved, tmp_path, refuses, content, beside):
    model, path = network(), tmp_path / "mine"
    path.write_bytes(content)
    if beside:
        shutil.copy(saved, tmp_path / "mine.previous")
    with refuses(model, "is no file of Resume's. Give another path."):
        train(model, [Resume(path)])
    assert path.read_bytes() == content


@pytest.mark.slow
def test_a_changed_schedule_is_named(tmp_path):
    def fit(rate, epochs):
        decay = LearningRateDecay(schedules.Step(rate))
        kerasnn.fit(small(), X, Y, epochs=epochs, callbacks=[decay, Resume(path)], verbose=0)

    path = tmp_path / "run"
    fit(0.1, 1)
    message = re.escape(
        "of its callbacks `LearningRateDecay.schedule.initial` was 0.1, is now 0.2."
    )
    with pytest.warns(UserWarning, match=message):
        fit(0.2, 2)


def test_two_are_refused(tmp_path, refuses):
    model, resumes = network(), [Resume(tmp_path / "one"), Resume(tmp_path / "two")]
    with refuses(model, "`callbacks` must hold one `Resume`; got 2"):
        train(model, resumes)


def test_one_path_for_two(tmp_path, refuses):
    """Also by a link, and where none of the two is a `Resume`."""
    model, path = network(), tmp_path / "run.keras"
    (tmp_path / "link.keras").symlink_to(path)
    for other in (Resume(path), BestModel(tmp_path / "link.keras", "loss")):
        listed = [BestModel(path, "loss"), other]
        both = f"`BestModel`, `{type(other).__name__}`"
        with refuses(model, f"`path` must be another one for each callback; {both} would all"):
            train(model, listed)


def test_a_misspelt_argument_is_answered():
    with pytest.raises(TypeError, match=r"`Resume` has no argument `evry`\. Did you mean `every`"):
        Resume("run", evry=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"every": 0}, "`every` must be a whole number of at least 1"),
        ({"path": "."}, "`path` must be a file to write, not a directory"),
        ({"path": 3}, "`path` must be a file name; got path=3"),
    ],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        Resume(**{"path": "run"} | arguments)
