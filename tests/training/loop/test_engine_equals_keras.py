"""The same numbers as `keras.Model.fit`, whatever the model is compiled with."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasnn
from tests.helpers.engine_cases import (
    CLASSES,
    FEATURES,
    X_HELD,
    Y_HELD,
    X,
    Y,
    assert_close,
    classifier,
    train_both,
)
from tests.helpers.seeds import set_seeds

rates = np.random.default_rng(1)
WEIGHTS = rates.uniform(0, 2, len(Y)).astype("float32")
HELD = (X_HELD, Y_HELD)
sgd, adam = keras.optimizers.SGD, keras.optimizers.Adam


class HalvedCall(keras.Model):
    """Subclassed, not built, and with a `call` that takes no `training`."""

    def __init__(self):
        super().__init__()
        self.hidden, self.out = keras.layers.Dense(6), keras.layers.Dense(CLASSES, "softmax")

    def call(self, x):
        return self.out(keras.ops.relu(self.hidden(x / 2)))


class PenalizedCall(keras.Model):
    """Adds a loss of its own inside `call`."""

    def __init__(self):
        super().__init__()
        self.out = keras.layers.Dense(CLASSES, "softmax")

    def call(self, x, training=False):
        y = self.out(x)
        self.add_loss(0.1 * keras.ops.mean(keras.ops.square(y)))
        return y


class OwnLogs(HalvedCall):
    """Its step returns what no metric holds; Keras then shows the last batch's."""

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            probabilities = self(x)
            loss = keras.ops.mean(keras.losses.sparse_categorical_crossentropy(y, probabilities))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        return {"loss": loss, "norm": tf.linalg.global_norm(gradients)}


class OwnStepWithMetrics(HalvedCall):
    """Its step returns the results of metrics of its own."""

    def __init__(self):
        super().__init__()
        self.tracker = keras.metrics.Mean(name="entropy")

    @property
    def metrics(self):
        return [self.tracker]

    def train_step(self, data):
        return self._step(data, learn=True)

    def test_step(self, data):
        return self._step(data, learn=False)

    def _step(self, data, learn):
        x, y = data
        with tf.GradientTape() as tape:
            loss = keras.ops.mean(keras.losses.sparse_categorical_crossentropy(y, self(x)))
        if learn:
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        self.tracker.update_state(loss)
        return {"entropy": self.tracker.result()}


def subclassed(cls, **compile_arguments):
    set_seeds(1)
    model = cls()
    model.compile("adam", loss="sparse_categorical_crossentropy", **compile_arguments)
    return model


def two_ends():
    """Two inputs by name, one layer for both, a model inside, and two outputs."""
    set_seeds(1)
    left, right = keras.Input((FEATURES,), name="left"), keras.Input((FEATURES,), name="right")
    shared = keras.layers.Dense(4, "tanh")
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4), keras.layers.Dense(4)])
    joined = keras.layers.concatenate([inner(shared(left)), shared(right)])
    outputs = {
        "kind": keras.layers.Dense(CLASSES, "softmax", name="kind")(joined),
        "size": keras.layers.Dense(1, name="size")(joined),
    }
    model = keras.Model({"left": left, "right": right}, outputs)
    model.compile(
        "adam",
        loss={"kind": "sparse_categorical_crossentropy", "size": "mse"},
        loss_weights={"kind": 1.0, "size": 0.3},
        metrics={"kind": ["accuracy"], "size": ["mae"]},
    )
    return model


def ends(x, y):
    return {"left": x, "right": x[::-1]}, {"kind": y, "size": x[:, 0]}


def vector_metrics():
    f1 = keras.metrics.F1Score(average=None)
    recall = keras.metrics.Recall(class_id=1, name="recall")
    return classifier(loss="categorical_crossentropy", metrics=[f1, recall])


def recurrent():
    set_seeds(1)
    words = keras.Input((6,), dtype="int32")
    vectors = keras.layers.Embedding(10, 4, mask_zero=True)(words)
    model = keras.Model(words, keras.layers.Dense(1, "sigmoid")(keras.layers.GRU(4)(vectors)))
    model.compile(adam(0.01), loss="binary_crossentropy", metrics=["AUC"])
    return model


def in_half_precision(policy):
    """With the policy as it is when training starts; the fixture of all tests takes it back."""
    keras.config.set_dtype_policy(policy)
    if policy == "mixed_bfloat16":
        return classifier(adam(0.01))
    # A scale so large that the first steps overflow, and must be left out.
    scaled = keras.optimizers.LossScaleOptimizer(
        adam(0.01), initial_scale=2.0**20, dynamic_growth_steps=3
    )
    return classifier(scaled)


WORDS = rates.integers(0, 10, (len(Y), 6))
ONE_HOT = np.eye(CLASSES, dtype="float32")
L2 = keras.regularizers.L2(0.01)
decay = keras.optimizers.schedules.ExponentialDecay(0.1, 5, 0.9)

# What is built, what it is trained on, and the other arguments of `fit`.
CASES = {
    "momentum": (lambda: classifier(sgd(0.05, momentum=0.9, nesterov=True)), (X, Y), {}),
    "RMSprop": (lambda: classifier(keras.optimizers.RMSprop(1e-3)), (X, Y), {}),
    "AdamW": (lambda: classifier(keras.optimizers.AdamW(0.01)), (X, Y), {}),
    "LAMB": (lambda: classifier(keras.optimizers.Lamb(0.01)), (X, Y), {}),
    "clipped norm and EMA": (
        lambda: classifier(sgd(0.1, global_clipnorm=0.1, use_ema=True, ema_overwrite_frequency=4)),
        (X, Y),
        {},
    ),
    "clipped values": (lambda: classifier(sgd(0.1, clipvalue=0.01)), (X, Y), {}),
    "EMA at the end": (lambda: classifier(sgd(0.1, use_ema=True)), (X, Y), {}),
    "accumulation": (lambda: classifier(adam(0.01, gradient_accumulation_steps=2)), (X, Y), {}),
    "schedule": (lambda: classifier(sgd(decay, momentum=0.9)), (X, Y), {}),
    "L2 and BatchNormalization": (
        lambda: classifier(
            adam(0.01),
            hidden=lambda: [
                keras.layers.Dense(6, "relu", kernel_regularizer=L2),
                keras.layers.BatchNormalization(),
            ],
        ),
        (X, Y),
        {"validation_data": HELD},
    ),
    "class weights": (
        lambda: classifier(metrics=["accuracy"], weighted_metrics=["accuracy"]),
        (X, Y),
        {"class_weight": {0: 1.0, 1: 2.0, 2: 0.5}, "validation_data": HELD},
    ),
    "sample weights": (
        lambda: classifier(metrics=["accuracy"], weighted_metrics=["accuracy"]),
        (X, Y),
        {"sample_weight": WEIGHTS, "validation_data": (*HELD, np.linspace(0, 1, len(Y_HELD)))},
    ),
    "two inputs and outputs": (two_ends, ends(X, Y), {"validation_data": ends(*HELD)}),
    "vector metrics": (
        vector_metrics,
        (X, ONE_HOT[Y]),
        {"validation_data": (X_HELD, ONE_HOT[Y_HELD])},
    ),
    "subclassed": (
        lambda: subclassed(HalvedCall, metrics=["accuracy"]),
        (X, Y),
        {"validation_data": HELD},
    ),
    "add_loss": (lambda: subclassed(PenalizedCall), (X, Y), {"validation_data": HELD}),
    "own logs": (lambda: subclassed(OwnLogs), (X, Y), {}),
    "own metrics": (lambda: subclassed(OwnStepWithMetrics), (X, Y), {"validation_data": HELD}),
    "mixed_float16": (lambda: in_half_precision("mixed_float16"), (X, Y), {}),
    "mixed_bfloat16": (lambda: in_half_precision("mixed_bfloat16"), (X, Y), {}),
    "recurrent": (recurrent, (WORDS, Y == 0), {"validation_split": 0.2}),
    "a step an epoch": (lambda: classifier(), (X, Y), {"batch_size": 100}),
    "a row a step": (lambda: classifier(), (X[:9], Y[:9]), {"batch_size": 1}),
    "one row": (lambda: classifier(), (X[:1], Y[:1]), {}),
}
SLOW_AS_GRAPH = {
    "two inputs and outputs",
    "momentum",
    "RMSprop",
    "own metrics",
    "own logs",
    "add_loss",
    "mixed_float16",
    "LAMB",
    "vector metrics",
    "accumulation",
    "schedule",
    "AdamW",
    "clipped values",
    "EMA at the end",
    "class weights",
    "subclassed",
    "mixed_bfloat16",
    "recurrent",
    "a step an epoch",
    "a row a step",
    "one row",
}
# XLA keeps more digits between two operations than half precision has.
LOOSER_WITH_XLA = {"mixed_float16": 2e-3, "mixed_bfloat16": 1e-2}
# XLA takes one to two seconds to compile each.
SLOW_WITH_XLA = set(CASES)


def cases(slow):
    return [pytest.param(c, marks=pytest.mark.slow) if c in slow else c for c in CASES]


@pytest.mark.parametrize("name", cases(SLOW_AS_GRAPH))
def test_graph(name):
    build, data, arguments = CASES[name]
    train_both(build, *data, engine="graph", **arguments)


@pytest.mark.parametrize("name", cases(SLOW_WITH_XLA))
def test_xla(name):
    build, data, arguments = CASES[name]
    tolerance = LOOSER_WITH_XLA.get(name, 1e-5)
    train_both(build, *data, engine="xla", tolerance=tolerance, **arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {"validation_data": HELD, "validation_freq": 2, "validation_steps": 1, "initial_epoch": 1},
        {"validation_split": 0.3, "validation_freq": [1, 4], "validation_batch_size": 8},
    ],
)
def test_validation_epochs_and_data(arguments):
    train_both(lambda: classifier(metrics=["accuracy"]), X, Y, epochs=6, **arguments)


def test_history_holds_plain_numbers():
    """As Keras's does, so that it can be written as JSON."""
    history = kerasnn.fit(classifier(), X, Y, validation_split=0.2, verbose=0)
    assert history.engine == "graph"
    assert {type(v) for values in history.history.values() for v in values} == {float}
    assert history.model.history is history


def test_no_epoch_at_all():
    model = classifier()
    before = model.get_weights()
    history = kerasnn.fit(model, X, Y, epochs=3, initial_epoch=3, verbose=0)
    assert history.history == {}
    assert_close(model.get_weights(), before, tolerance=0)
