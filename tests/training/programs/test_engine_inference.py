"""`evaluate` and `predict` give what Keras's give, and trace nothing for new numbers of rows."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasnn
from kerasnn import training
from tests.helpers.engine_cases import FEATURES, X, Y, classifier


class Ends(keras.Model):
    """Two outputs, in whatever structure is asked for."""

    def __init__(self, structure):
        super().__init__()
        self.structure = structure
        self.one, self.two = keras.layers.Dense(2), keras.layers.Dense(3, "softmax")

    def call(self, x):
        return self.structure(self.one(x), self.two(x))


def functional(structure):
    x = keras.Input((FEATURES,))
    one, two = keras.layers.Dense(2), keras.layers.Dense(3, "softmax")
    return keras.Model(x, structure(one(x), two(x)))


def half():
    keras.config.set_dtype_policy("mixed_bfloat16")
    return classifier()


MODELS = {
    "one output": classifier,
    "bfloat16": half,
    "a dictionary": lambda: functional(lambda a, b: {"z": a, "a": b}),
    "a nest, subclassed": lambda: Ends(lambda a, b: {"z": [a, b], "a": b}),
}


def assert_same_nest(got, wanted):
    keras.tree.assert_same_structure(got, wanted)
    for a, b in zip(keras.tree.flatten(got), keras.tree.flatten(wanted), strict=True):
        assert type(a) is type(b)
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a.astype("float32"), b.astype("float32"), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_predictions(name):
    model = MODELS[name]()
    # One batch, a ragged last one, less than a batch, one row, and more than there is.
    sizes = ((70, None), (9, 32), (1, None), (5, 1), (70, 1000))
    for rows, size in sizes if name == "one output" else sizes[:1]:
        wanted = keras.Model.predict(model, X[:rows], batch_size=size, verbose=0)
        got = training.predict(model, X[:rows], batch_size=size, verbose=0)
        assert_same_nest(got, wanted)


def test_predictions_before_compile():
    model = keras.Sequential([keras.Input((FEATURES,)), keras.layers.Dense(2)])
    got = training.predict(model, X, verbose=0)
    np.testing.assert_allclose(got, X @ model.get_weights()[0], rtol=1e-5, atol=1e-6)


def test_sequences_of_any_length_are_one_program():
    lengths = []

    class Watch(keras.layers.Layer):
        def call(self, x):
            lengths.append(x.shape[1])
            return x

    words = keras.Input((None,), dtype="int32")
    vectors = keras.layers.Embedding(9, 4, mask_zero=True)(Watch()(words))
    model = keras.Model(words, keras.layers.GlobalAveragePooling1D()(vectors))
    lengths.clear()
    rng = np.random.default_rng(0)
    for length in (3, 7, 1):
        x = rng.integers(1, 9, (5, length))
        wanted = model.get_weights()[0][x].mean(axis=1)
        np.testing.assert_allclose(training.predict(model, x, verbose=0), wanted, rtol=1e-5)
    assert lengths == [None]


def test_nan_is_refused_by_row(invalid):
    x = X.copy()
    x[[4, 60]] = np.nan
    model = classifier()
    with invalid("x"):
        training.predict(model, x, verbose=0)


@pytest.mark.filterwarnings("ignore:Your input ran out of data:UserWarning")
def test_streams_and_callbacks_are_keras_s_own():
    model = classifier()
    batches = tf.data.Dataset.from_tensor_slices((X, Y)).batch(16)
    wanted = training.predict(model, X, verbose=0)
    np.testing.assert_allclose(training.predict(model, batches, verbose=0), wanted, rtol=1e-6)
    ends = []
    callback = keras.callbacks.LambdaCallback(
        on_predict_batch_end=lambda batch, logs: ends.append(1)
    )
    training.predict(model, X, batch_size=10, verbose=0, callbacks=[callback])
    assert len(ends) == 7
    np.testing.assert_allclose(training.predict(model, X, steps=2, verbose=0), wanted, rtol=1e-6)
    loss = training.evaluate(model, X, Y, verbose=0)
    assert training.evaluate(model, batches, verbose=0) == pytest.approx(loss, rel=1e-6)


def scored():
    model = functional(lambda a, b: {"z": a, "a": b})
    model.compile(
        "sgd",
        loss={"z": "mse", "a": "sparse_categorical_crossentropy"},
        metrics={"z": ["mae"], "a": ["accuracy"]},
        weighted_metrics={"z": ["mse"]},
    )
    return model


class OwnTest(keras.Model):
    """Reports what no metric holds."""

    def __init__(self):
        super().__init__()
        self.out = keras.layers.Dense(2)

    def call(self, x):
        return self.out(x)

    def test_step(self, data):
        y = self(data[0])
        return {"spread": keras.ops.std(y), "mean": keras.ops.mean(y)}


def own_test():
    model = OwnTest()
    model.compile("sgd")
    return model


def vector():
    f1 = keras.metrics.F1Score(average=None)
    return classifier(loss="categorical_crossentropy", metrics=[f1])


EVALUATIONS = {
    "metrics": (lambda: classifier(metrics=["accuracy"], weighted_metrics=["accuracy"]), (X, Y)),
    "two outputs": (scored, (X, {"z": X[:, :2], "a": Y})),
    "vector": (vector, (X, np.eye(3)[Y])),
    "own logs": (own_test, (X, Y)),
}


@pytest.mark.parametrize("name", EVALUATIONS)
def test_evaluations(name):
    build, data = EVALUATIONS[name]
    model = build()
    weights = None if name in ("two outputs", "own logs") else np.linspace(0, 2, len(X))
    for arguments in (
        {"batch_size": 16, "return_dict": True},
        {"steps": 1, "sample_weight": weights},
    ):
        wanted = keras.Model.evaluate(model, *data, verbose=0, **arguments)
        got = training.evaluate(model, *data, verbose=0, **arguments)
        assert type(got) is type(wanted)
        if arguments.get("return_dict"):
            assert list(got) == list(wanted)
            got, wanted = list(got.values()), list(wanted.values())
        keras.tree.map_structure(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), got, wanted
        )


def test_evaluating_changes_nothing():
    model = classifier(
        hidden=lambda: [keras.layers.BatchNormalization(), keras.layers.Dropout(0.5)]
    )
    model.optimizer.build(model.trainable_variables)
    before = [v.numpy() for v in [*model.variables, *model.optimizer.variables]]
    training.evaluate(model, X, Y, verbose=0)
    training.predict(model, X, verbose=0)
    after = [v.numpy() for v in [*model.variables, *model.optimizer.variables]]
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)


def test_own_classes_go_through_the_engine():
    """`kerasnn.Sequential` has these as methods, with Keras's order of arguments."""
    model = kerasnn.Sequential([keras.Input((FEATURES,)), keras.layers.Dense(3, "softmax")])
    model.compile("sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(X, Y, 16, 2, 0)
    assert history.engine == "graph"
    assert model.evaluate(X, Y, 16, 0) == pytest.approx(keras.Model.evaluate(model, X, Y, 16, 0))
    np.testing.assert_allclose(model.predict(X, 16, 0), keras.Model.predict(model, X, 16, 0))


def test_eager_and_distributed_models():
    eager = classifier(run_eagerly=True)
    assert training.predict(eager, X, verbose=0).shape == (len(X), 3)
    assert training.evaluate(eager, X, Y, verbose=0) > 0
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        model = classifier()
    wanted = keras.Model.predict(model, X, verbose=0)
    np.testing.assert_allclose(training.predict(model, X, verbose=0), wanted, rtol=1e-6)
    loss = keras.Model.evaluate(model, X, Y, verbose=0)
    assert training.evaluate(model, X, Y, verbose=0) == pytest.approx(loss, rel=1e-6)
