"""Odd targets and weights that are right: `fit` trains on them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasnn
from tests.helpers.engine_cases import assert_same_training, starting_over, weights_after
from tests.helpers.seeds import set_seeds

ROWS = 12
WHOLE = np.arange(2 * ROWS).reshape(ROWS, 2) % 5
X = WHOLE.astype("float32")
BITS = np.arange(ROWS) % 2
CLASSES = np.arange(ROWS) % 3


def classifier(task="binary", outputs=1):
    return kerasnn.models.mlp(2, outputs, task=task, hidden=(), seed=0)


def compiled(loss, units=1, activation=None, inputs=2):
    set_seeds(1)
    model = keras.Sequential([keras.Input((inputs,)), keras.layers.Dense(units, activation)])
    # What is looked at here is what the checks let pass; to trace a program takes a second.
    model.compile("sgd", loss=loss, run_eagerly=True)
    return model


def two_thirds(y_true, y_pred):
    return keras.ops.mean(keras.ops.abs(y_true - y_pred) ** (2 / 3), axis=-1)


LOSSES = {
    "shares on one sigmoid": (
        lambda: compiled("binary_crossentropy", 1, "sigmoid"),
        np.linspace(0, 1, ROWS),
    ),
    "an autoencoder's pixels": (
        lambda: compiled("binary_crossentropy", 2, "sigmoid"),
        X / X.max(),
    ),
    "bits from logits": (
        lambda: compiled(keras.losses.BinaryCrossentropy(from_logits=True)),
        BITS,
    ),
    "class numbers from logits": (
        lambda: compiled(keras.losses.SparseCategoricalCrossentropy(from_logits=True), 3),
        CLASSES,
    ),
    "class numbers as a column of floats": (
        lambda: compiled("sparse_categorical_crossentropy", 3, "softmax"),
        CLASSES[:, None].astype("float32"),
    ),
    "labels to be ignored": (
        lambda: compiled(keras.losses.SparseCategoricalCrossentropy(ignore_class=-1), 3, "softmax"),
        np.where(CLASSES == 2, -1, CLASSES),
    ),
    "shares of three classes": (
        lambda: compiled("categorical_crossentropy", 3, "softmax"),
        np.full((ROWS, 3), 1 / 3),
    ),
    "focal loss on one-hot rows": (
        lambda: compiled(keras.losses.CategoricalFocalCrossentropy(), 3, "softmax"),
        np.eye(3)[CLASSES],
    ),
    "labels of -1 and 1 for a hinge": (lambda: compiled("hinge"), 2 * BITS - 1),
    "numbers as a vector": (lambda: compiled("mse"), X[:, 0]),
    "numbers as a column": (lambda: compiled("mse"), X[:, :1]),
    "bits as real numbers": (lambda: compiled("mse"), BITS),
    "counts with a fraction": (lambda: compiled("poisson", 1, "exponential"), X[:, 0] + 0.5),
    "a loss of one's own on class numbers": (lambda: compiled(two_thirds, 3), CLASSES[:, None]),
    "a loss of one's own that broadcasts": (lambda: compiled(two_thirds, 3), X[:, :1]),
}


@pytest.mark.parametrize(("build", "y"), LOSSES.values(), ids=LOSSES)
def test_targets_that_suit_the_loss(build, y):
    before = build().get_weights()
    after = weights_after(build(), X, y)
    assert any((a != b).any() for a, b in zip(before, after, strict=True))


def test_a_share_in_validation_alone():
    """A share of 1 is no class that training would have to show."""
    y = np.r_[np.linspace(0, 0.9, 9), 1, 1, 1]
    weights_after(compiled("binary_crossentropy", 1, "sigmoid"), X, y, validation_split=0.25)


def test_a_word_in_validation_alone():
    """In a sequence of labels a rare one may well come up in validation only."""
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Embedding(9, 3), keras.layers.Dense(9, "softmax")]
    )
    model.compile("sgd", loss="sparse_categorical_crossentropy")
    words = np.arange(ROWS * 4).reshape(ROWS, 4) % 5
    words[-1] = 8
    weights_after(model, words, words, validation_split=0.25)


@pytest.mark.parametrize(
    ("structure", "losses"),
    # Keras takes no list of losses for a dictionary of outputs.
    [(dict, dict), (list, dict), (list, list)],
)
@pytest.mark.parametrize("targets", [dict, list])
def test_several_outputs(structure, losses, targets):
    inputs = keras.Input((2,))
    outputs = {
        "b_kind": keras.layers.Dense(3, "softmax", name="b_kind")(inputs),
        "a_value": keras.layers.Dense(1, name="a_value")(inputs),
    }
    loss = {"a_value": "mse", "b_kind": "sparse_categorical_crossentropy"}
    y = {"a_value": X[:, 0], "b_kind": CLASSES}
    if structure is dict:
        # Dictionaries are flattened in the order of their sorted keys.
        listed = sorted(outputs)
        model = keras.Model(inputs, outputs)
    else:
        listed = list(outputs)
        model = keras.Model(inputs, list(outputs.values()))
    loss = loss if losses is dict else [loss[name] for name in listed]
    model.compile("sgd", loss=loss, run_eagerly=True)
    weights_after(model, X, y if targets is dict else [y[name] for name in listed])


def test_a_target_without_a_loss_may_be_left_out():
    inputs = keras.Input((2,))
    outputs = {name: keras.layers.Dense(1, name=name)(inputs) for name in "ab"}
    model = keras.Model(inputs, outputs)
    model.compile("sgd", loss={"a": "mse"})
    with pytest.warns(UserWarning, match="Gradients do not exist for variables"):
        weights_after(model, X, {"a": X[:, 0]}, validation_data=(X, {"a": X[:, 0]}))


class OwnStep(keras.Model):
    """Learns by a step of its own, from targets that mean what it likes."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)

    def call(self, x):
        return self.dense(x)

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self(x) - tf.strings.to_number(y["far"])))
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return {"loss": loss}


def test_targets_of_a_custom_step():
    model = OwnStep()
    model.compile("sgd", loss="mse")
    far = np.array([["1.5"]] * ROWS)
    weights_after(model, X, {"far": far, "near": np.zeros((ROWS, 7))})


def test_a_loss_that_needs_no_targets():
    class Activity(keras.layers.Layer):
        def call(self, x):
            self.add_loss(keras.ops.mean(keras.ops.square(x)))
            return x

    inputs = keras.Input((2,))
    signal = kerasnn.layers.Standardize()(inputs)
    model = keras.Model(inputs, Activity()(keras.layers.Dense(2)(signal)))
    model.compile("sgd")
    weights_after(model, X)


class Subclassed(keras.Model):
    def __init__(self, units=3):
        super().__init__()
        self.dense = keras.layers.Dense(units, "softmax")

    def call(self, x, training=None):
        return self.dense(x)


def test_a_subclassed_model_starts_from_the_weights_that_keras_gives_it():
    """The checks look at its outputs before it trains; that must not move a random draw."""
    trained = []
    for fit in (keras.Model.fit, kerasnn.fit):
        set_seeds(3)
        model = Subclassed()
        model.compile(keras.optimizers.SGD(0.0), loss="sparse_categorical_crossentropy")
        fit(model, X, CLASSES, shuffle=False, verbose=0)
        trained.append(model.get_weights())
    assert_same_training(*trained)


@pytest.mark.parametrize(
    ("build", "y"),
    [
        (lambda: classifier("multiclass", 3), CLASSES),
        (lambda: classifier("binary"), CLASSES % 2),
        (lambda: compiled("categorical_crossentropy", 3, "softmax"), np.eye(3)[CLASSES]),
        (Subclassed, CLASSES),
    ],
    ids=["class numbers", "bits", "one-hot", "subclassed"],
)
def test_class_weights_are_sample_weights(build, y):
    """Weights by class train as the same weights by row do."""
    model = build()
    if not model.compiled:
        model.compile("sgd", loss="sparse_categorical_crossentropy")
        model(X[:1])
    by_class = {0: 0.5, 1: 2.0, 2: 3.0} if y.ndim == 2 or y.max() == 2 else {0: 0.5, 1: 2.0}
    labels = y.argmax(axis=1) if y.ndim == 2 else y
    by_row = np.array([by_class[label] for label in labels])
    train = starting_over(model)
    weighted = train(X, y, class_weight=by_class)
    assert_same_training(weighted, train(X, y, sample_weight=by_row))
    assert any((a != b).any() for a, b in zip(weighted, train(X, y), strict=True))


def test_a_weight_of_0_leaves_a_row_out():
    weights = np.ones(ROWS)
    weights[[0, 1, 2]] = 0
    train = starting_over(compiled("mse"))
    results = [
        train(X, np.where(weights == 0, filler, X[:, 0]), sample_weight=weights)
        for filler in (-5, 1000)
    ]
    assert_same_training(*results)


def test_weights_of_nodes():
    """A weight of 0 for unlabelled nodes makes learning semi-supervised."""
    rng = np.random.default_rng(0)
    graphs = {"features": rng.normal(size=(2, 4, 3)), "adjacency": np.ones((2, 4, 4)) - np.eye(4)}
    labelled = np.array([[1, 0, 0, 1], [0, 1, 0, 0]])
    labels = np.array([[0, 1, 0, 1], [1, 0, 1, 0]])
    train = starting_over(kerasnn.models.graph_network(3, 2, task="multiclass", seed=0))
    results = [
        train(graphs, np.where(labelled == 1, labels, filler), sample_weight=labelled)
        for filler in (0, 1)
    ]
    assert_same_training(*results)
