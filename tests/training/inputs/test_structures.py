"""Targets, inputs and weights in every structure that Keras takes, with Keras as the oracle."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.layers import Dense

import kerasnn
from kerasnn import callbacks, selection, training
from tests.helpers.engine_cases import assert_same_training, count_calls, starting_over, train_both
from tests.helpers.seeds import set_seeds

ROWS = 12
rng = np.random.default_rng(0)
X = rng.normal(size=(ROWS, 3)).astype("float32")
SUM = X.sum(axis=1, keepdims=True)
SQUARE = (X**2).sum(axis=1, keepdims=True)
CLASSES = np.arange(ROWS) % 3
WEIGHTS = np.linspace(0, 2, ROWS).astype("float32")
PLAN = {"epochs": 2, "batch_size": 5}
SPARSE = "sparse_categorical_crossentropy"

pytestmark = [
    # Keras says so of the layers behind an output without a loss.
    pytest.mark.filterwarnings("ignore:Gradients do not exist for variables"),
    # Ten steps of a sweep are there to run, not to find a rate.
    pytest.mark.filterwarnings("ignore:The loss has not risen by the last rate"),
]


def several(structure, loss, **compiled):
    """A model with three outputs, `value`, `kind` and `other`."""
    set_seeds(1)
    inputs = keras.Input((3,))
    outputs = {
        "value": Dense(1, name="value")(inputs),
        "kind": Dense(3, "softmax", name="kind")(inputs),
        "other": Dense(1, name="other")(inputs),
    }
    model = keras.Model(inputs, outputs if structure is dict else list(outputs.values()))
    model.compile("sgd", loss=loss, **compiled)
    return model


def assert_same_evaluation(build, *data):
    wanted = keras.Model.evaluate(build(), *data, verbose=0)
    np.testing.assert_allclose(training.evaluate(build(), *data, verbose=0), wanted, rtol=1e-5)


@pytest.mark.parametrize(
    ("structure", "loss", "forms"),
    [
        (list, ["mse", None, None], [SUM, [SUM], [SUM, None, None], {"value": SUM}]),
        (
            dict,
            {"value": "mse"},
            [SUM, {"value": SUM}, {"value": SUM, "kind": None, "other": None}],
        ),
    ],
    ids=["a list", "a dictionary"],
)
def test_outputs_without_a_loss_need_no_target(structure, loss, forms):
    def build():
        return several(structure, loss)

    assert_same_evaluation(build, X, forms[-1])
    train = starting_over(build())
    first, *others = [train(X, y, validation_data=(X, y)) for y in forms]
    for other in others:
        assert_same_training(other, first)


def test_losses_by_name_for_a_list_of_outputs():
    loss = {"value": "mse", "kind": SPARSE, "other": None}
    train_both(lambda: several(list, loss), X, [SUM, CLASSES, None], **PLAN)


def test_targets_by_name_go_where_their_names_say():
    """Keras pairs those of a list in the order of the alphabet, where not all are given."""
    train = starting_over(several(list, ["mse", SPARSE, None]))
    wanted = train(X, [SUM, CLASSES, SQUARE])
    assert_same_training(train(X, {"value": SUM, "kind": CLASSES}), wanted)
    assert_same_training(train(X, [SUM, CLASSES]), wanted)


def test_weights_by_output():
    """A target may be left out, and so may its weights."""
    train = starting_over(several(list, ["mse", SPARSE, None]))
    wanted = train(X, [SUM, CLASSES, SQUARE], sample_weight=[WEIGHTS, np.ones(ROWS), WEIGHTS])
    weights = {"value": WEIGHTS, "kind": None}
    assert_same_training(train(X, {"value": SUM, "kind": CLASSES}, sample_weight=weights), wanted)


def nested(loss):
    set_seeds(1)
    inputs = keras.Input((3,))
    a, b, c = (Dense(1, name=name)(inputs) for name in "abc")
    model = keras.Model(inputs, {"pair": (a, b), "one": c})
    model.compile("sgd", loss=loss)
    return model


def test_nested_outputs():
    loss, y = {"pair": ("mse", None), "one": "mse"}, {"pair": (SUM, None), "one": SQUARE}
    train_both(lambda: nested(loss), X, y, validation_split=0.25, **PLAN)


def test_a_nested_target_that_does_not_fit(refuses):
    model = nested("mse")
    y = {"pair": (SUM, np.ones((ROWS, 2))), "one": SUM}
    with refuses(model, argument="y['pair'][1]"):
        kerasnn.fit(model, X, y, verbose=0)


class OwnLoss(keras.Model):
    def compute_loss(self, x=None, y: Any = None, y_pred=None, sample_weight=None, training=True):
        first, second = y
        errors = ((first - y_pred[:, :1]) ** 2, keras.ops.abs(second - y_pred[:, 1:]))
        if sample_weight is not None:
            errors = [e * w[:, None] for e, w in zip(errors, sample_weight, strict=True)]
        return keras.ops.mean(errors[0]) + keras.ops.mean(errors[1])


class OwnStep(keras.Model):
    def train_step(self, data):
        x, (first, rest) = data
        with tf.GradientTape() as tape:
            made = self(x, training=True)
            loss = keras.ops.mean((first - made[:, :1]) ** 2 + (rest["far"] - made[:, 1:]) ** 2)
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return {"loss": loss}


@pytest.mark.parametrize(
    ("own", "y", "weights"),
    [
        (OwnLoss, [SUM, SQUARE], WEIGHTS),
        (OwnStep, (SUM, {"far": SQUARE}), None),
    ],
    ids=["own loss and weights", "own step"],
)
def test_a_custom_model_receives_the_structure(own, y, weights):
    def build():
        set_seeds(1)
        inputs = keras.Input((3,))
        model = own(inputs, Dense(2)(inputs))
        model.compile("sgd")
        return model

    train_both(build, X, y, sample_weight=weights, **PLAN)


class AddIfThere(keras.layers.Layer):
    def call(self, a, b=None):
        return a if b is None else a + b

    def compute_output_shape(self, a_shape, b_shape=None):
        return a_shape


def with_optional_input(structure=dict):
    set_seeds(1)
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b", optional=True)
    model = keras.Model(
        {"a": a, "b": b} if structure is dict else [a, b], Dense(1)(AddIfThere()(a, b))
    )
    model.compile("sgd", loss="mse", metrics=["mae"])
    return model


@pytest.mark.parametrize(
    ("structure", "x", "engine"),
    [
        (dict, {"a": X, "b": None}, "graph"),
        pytest.param(dict, {"a": X, "b": None}, "xla", marks=pytest.mark.slow),
        (dict, {"a": X, "b": None}, "keras"),
        (list, [X, None], "graph"),
    ],
    ids=["graph", "xla", "keras", "a list"],
)
def test_an_optional_input_that_is_none(structure, x, engine):
    def build():
        return with_optional_input(structure)

    train_both(build, x, SUM, engine=engine, validation_data=(x, SUM), **PLAN)
    if structure is list:
        assert_same_evaluation(build, x, SUM)
        model = build()
        got = training.predict(model, x, batch_size=5, verbose=0)
        np.testing.assert_allclose(got, model.predict(x, verbose=0), rtol=1e-5)


def test_an_optional_input_in_a_stream():
    def batches():
        return tf.data.Dataset.from_tensor_slices(({"a": X, "b": None}, SUM)).batch(5)

    train_both(with_optional_input, batches(), validation_data=batches(), epochs=2)
    sweep = kerasnn.lr_find(with_optional_input(), batches(), steps=10)
    assert len(sweep.losses) > 1


def test_an_optional_input_in_folds_and_for_the_doctor():
    x = {"a": X, "b": None}
    result = selection.cross_validate(with_optional_input, x, SUM, cv=2, epochs=1)
    assert np.isfinite(result.scores["loss"]).all()
    model = with_optional_input()
    kerasnn.fit(model, x, SUM, callbacks=[callbacks.TrainingDoctor()], verbose=0)
    callbacks.diagnose(model, x, SUM)


def test_an_input_that_is_not_optional(refuses):
    model = with_optional_input()
    with refuses(
        model,
        argument="x['a']",
    ):
        kerasnn.fit(model, {"a": None, "b": X}, SUM, verbose=0)


def two_inputs(first, second):
    set_seeds(1)
    inputs = {first: keras.Input((3,), name=first), second: keras.Input((1,), name=second)}
    model = keras.Model(inputs, Dense(1)(keras.layers.concatenate(list(inputs.values()))))
    model.compile("sgd", loss="mse")
    return model


@pytest.mark.filterwarnings("ignore:The structure of `inputs` doesn't match")
def test_a_list_for_a_dictionary_of_inputs():
    train_both(lambda: two_inputs("left", "right"), [X, SQUARE], SUM, **PLAN)


def test_a_list_for_inputs_that_are_not_in_the_order_of_the_alphabet(refuses):
    """Keras refuses it too, since the list would be taken in another order than the model's."""
    model = two_inputs("right", "left")
    with refuses(model, argument="x"):
        kerasnn.fit(model, [X, SQUARE], SUM, verbose=0)


TARGETS = {
    "None for an output with a loss": (
        [None, CLASSES, SUM],
        "y[0]",
    ),
    "too few": (
        [SUM],
        "y",
    ),
    "another output's target": ({"value": SUM, "other": SUM}, "y"),
}


@pytest.mark.parametrize(("y", "argument"), TARGETS.values(), ids=TARGETS)
def test_targets_that_do_not_pair(refuses, y, argument):
    model = several(list, ["mse", SPARSE, None])
    with refuses(model, argument=argument):
        kerasnn.fit(model, X, y, verbose=0)


def test_losses_that_do_not_name_every_output(refuses):
    model = several(list, {"value": "mse"})
    with refuses(model, argument="loss"):
        kerasnn.fit(model, X, [SUM, None, None], verbose=0)


def test_a_stream_whose_targets_keras_would_pair_by_the_alphabet(refuses):
    model = several(list, ["mse", SPARSE, None])
    stream = tf.data.Dataset.from_tensor_slices((X, {"value": SUM, "kind": CLASSES})).batch(4)
    with refuses(model, argument="y"):
        kerasnn.fit(model, stream, verbose=0)


def test_one_array_of_weights_is_one_a_row_for_several_targets(refuses):
    model = several(list, ["mse", SPARSE, None])
    with refuses(model, argument="sample_weight"):
        kerasnn.fit(model, X, [SUM, CLASSES], sample_weight=np.ones((ROWS, 2)), verbose=0)


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        return X, [SUM, CLASSES, SUM]


@pytest.mark.parametrize("kind", ["arrays", "tf.data", "PyDataset"])
def test_class_weights_of_several_targets(refuses, kind):
    """They would weigh the regression too; Keras refuses them likewise."""
    model = several(list, ["mse", SPARSE, "mse"])
    data = {
        "arrays": (X, [SUM, CLASSES, SUM]),
        "tf.data": (tf.data.Dataset.from_tensor_slices((X, (SUM, CLASSES, SUM))).batch(4),),
        "PyDataset": (Batches(),),
    }
    with refuses(model, argument="class_weight"):
        kerasnn.fit(model, *data[kind], class_weight={0: 1.0, 1: 2.0, 2: 3.0}, verbose=0)


def test_class_weights_of_the_one_target_of_several_outputs():
    train = starting_over(several(list, [None, SPARSE, None]))
    by_class = {0: 0.5, 1: 2.0, 2: 3.0}
    weighted = train(X, {"kind": CLASSES}, class_weight=by_class)
    by_row = np.array([by_class[label] for label in CLASSES])
    assert_same_training(weighted, train(X, [None, CLASSES, None], sample_weight=by_row))


@pytest.mark.parametrize(
    ("loss", "units", "y"), [("mse", 1, SUM), ("binary_crossentropy", 2, X[:, :2] > 0)]
)
def test_class_weights_of_a_stream_without_classes(refuses, loss, units, y):
    """Keras would round a real target, and of several labels take the place of the largest."""
    set_seeds(1)
    model = keras.Sequential([keras.Input((3,)), Dense(units, "sigmoid")])
    model.compile("sgd", loss=loss)
    stream = tf.data.Dataset.from_tensor_slices((X, y)).batch(4)
    with refuses(model, argument="class_weight"):
        kerasnn.fit(model, stream, class_weight={0: 1.0, 1: 2.0}, verbose=0)


def test_no_epoch_is_nothing_to_do():
    class Ends(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.seen = []

        def on_train_begin(self, logs=None):
            self.seen.append("begin")

        def on_train_end(self, logs=None):
            self.seen.append("end")

    source = keras.Sequential([keras.Input((5,)), Dense(1)])
    model, calls = count_calls(source)
    model.compile("sgd", loss="mse")
    calls.clear()
    ends, stopping = Ends(), callbacks.EarlyStopping()
    history = kerasnn.fit(
        model,
        np.ones((4, 5)),
        np.ones(4),
        epochs=0,
        validation_split=0.5,
        verbose=0,
        callbacks=[ends, stopping],
    )
    assert history.history == {}
    assert history.epoch == []
    assert history.engine == "none"
    assert ends.seen == ["begin", "end"]
    assert not calls
    assert not model.optimizer.built
