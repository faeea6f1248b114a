"""Runs that cannot be resumed exactly are refused before anything changes."""

import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasnn
from kerasnn.callbacks import BestModel, Resume
from kerasnn.callbacks.resume import storage
from tests.callbacks.resume.resume_runs import X, Y, network, small, train
from tests.helpers.seeds import set_seeds


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    set_seeds(0)
    path = tmp_path_factory.mktemp("saved") / "run"
    train(network(), [Resume(path)], epochs=2)
    return path


@pytest.fixture
def path(saved, tmp_path, monkeypatch):
    """A copy of the saved file; its folder is the current one, so that errors name `run` alone."""
    monkeypatch.chdir(tmp_path)
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
    "model",
    [
        lambda: network(units=17),
        lambda: network(rate=0.1),
        lambda: with_optimizer("adam"),
        lambda: network(loss=keras.losses.SparseCategoricalCrossentropy(reduction="sum")),
    ],
    ids=["model", "rate", "optimizer", "loss"],
)
def test_another_model_optimizer_or_loss_is_named(path, refuses, model):
    model, before = model(), path.read_bytes()
    with refuses(model, argument="path"):
        train(model, [Resume("run")], epochs=4)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("argument", "x", "arguments"),
    [
        ("path", other_rows(), {}),
        ("path", X[:290], {}),
        ("path", X.astype("float64"), {"sample_weight": np.ones(300)}),
        ("path", X, {"batch_size": 31}),
        ("path", X, {"shuffle": False}),
        ("path", X, {"validation_split": 0.0}),
        ("seed", X, {"seed": 3}),
        ("epochs", X, {"epochs": 1}),
    ],
    ids=["row", "rows", "weights", "batch", "order", "validation", "seed", "epochs"],
)
def test_other_data_and_arguments_are_named(path, refuses, argument, x, arguments):
    model = network()
    given = {"batch_size": 32, "validation_split": 0.2, "epochs": 4, "verbose": 0}
    with refuses(model, argument=argument, value=arguments.get(argument, "run")):
        kerasnn.fit(model, x, Y[: len(x)], callbacks=[Resume("run")], **given | arguments)


def test_a_refused_run_learns_no_scaling_and_keeps_no_lock(path, invalid):
    model = network()
    with invalid("path", str(path)):
        kerasnn.fit(model, 9 * X, Y, 32, callbacks=[Resume(path)], validation_split=0.2)
    assert not model.layers[0].adapted
    history = train(network(), [Resume(path)], epochs=2)
    assert history.epoch == [0, 1]


def test_a_subclassed_model_is_known_by_its_variables(tmp_path, invalid):
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
    with invalid("model"):
        fit(4, 2)
    fit(3, 2)


def dataset(**shuffling):
    return tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(300, **shuffling).batch(32)


@pytest.mark.parametrize(
    ("data", "arguments"),
    [
        (lambda: dataset(), {}),
        (lambda: dataset(seed=1), {}),
        (lambda: dataset().repeat(), {"steps_per_epoch": 2}),
        (lambda: iter([(X, Y)]), {"steps_per_epoch": 1}),
    ],
    ids=["new order", "seeded", "endless", "generator"],
)
def test_a_stream_that_cannot_be_read_once_more_is_refused(tmp_path, refuses, data, arguments):
    model = network()
    model.layers[0].adapt(X)
    with refuses(model, "`x` must"):
        kerasnn.fit(model, data(), callbacks=[Resume(tmp_path / "run")], verbose=0, **arguments)


def test_validation_on_a_stream_that_changes_is_refused(tmp_path, refuses):
    model = network()
    with refuses(model, "`validation_data` must"):
        kerasnn.fit(
            model, X, Y, callbacks=[Resume(tmp_path / "run")], verbose=0, validation_data=dataset()
        )


def test_the_shuffling_order_of_the_loop_of_keras_is_refused(tmp_path, refuses):
    model = network()
    with refuses(model, "`shuffle` must"):
        train(model, [Resume(tmp_path / "run")], engine="keras")


def test_keras_fit_is_refused(tmp_path, invalid):
    with invalid("callbacks"):
        keras.Model.fit(network(), X, Y, callbacks=[Resume(tmp_path / "run")], verbose=0)


@pytest.mark.parametrize(
    "content", [b"rate,loss\n0.1,2.3\n" * 99, b"PK\x03\x04" + bytes(500), b"a"]
)
def test_a_file_of_something_else_is_refused_and_stays(tmp_path, refuses, content):
    model, path = network(), tmp_path / "mine"
    path.write_bytes(content)
    with refuses(model, argument="path", value=str(path)):
        train(model, [Resume(path)])
    assert path.read_bytes() == content


def test_a_file_of_another_format_names_the_version_that_wrote_it(tmp_path, invalid):
    train(small(), [Resume(tmp_path / "run")], epochs=1)
    state = storage.load(tmp_path / "run")
    storage.save(tmp_path / "run", storage.freeze({**state, "format": 0}))
    with invalid("path", 0) as caught:
        train(small(), [Resume(tmp_path / "run")], epochs=1)
    assert kerasnn.__version__ in caught.value.hint


def test_two_are_refused(tmp_path, refuses):
    model, resumes = network(), [Resume(tmp_path / "one"), Resume(tmp_path / "two")]
    with refuses(model, "`callbacks` must"):
        train(model, resumes)


def test_one_path_for_two(tmp_path, refuses):
    """Also by a link, and where none of the two is a `Resume`."""
    model, path = network(), tmp_path / "run.keras"
    (tmp_path / "link.keras").symlink_to(path)
    for other in (Resume(path), BestModel(tmp_path / "link.keras", "loss")):
        with refuses(model, argument="path", value=str(path)):
            train(model, [BestModel(path, "loss"), other])


def test_a_misspelt_argument_is_answered():
    with pytest.raises(TypeError, match=r"Did you mean `every`"):
        Resume("run", evry=1)


@pytest.mark.parametrize(("argument", "value"), [("every", 0), ("path", "."), ("path", 3)])
def test_arguments_are_checked(invalid, argument, value):
    with invalid(argument, value):
        Resume(**{"path": "run", argument: value})
