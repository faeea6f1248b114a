"""Gradient norms by layer, against formulas and `tf.GradientTape`."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasnn import models
from kerasnn.autodiff import gradients

RNG = np.random.default_rng(0)
X = RNG.normal(size=(16, 4)).astype("float32")
Y = RNG.normal(size=(16, 2)).astype("float32")


def test_by_hand():
    """Two linear layers with the mean squared error."""
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, name="one"), keras.layers.Dense(2, name="two")]
    )
    model.compile(loss="mse")
    w1, b1, w2, b2 = (w.astype(float) for w in model.get_weights())
    hidden = X @ w1 + b1
    error = 2 * (hidden @ w2 + b2 - Y) / Y.size
    back = error @ w2.T
    parts = {
        "one": [X.T @ back, back.sum(axis=0)],
        "two": [hidden.T @ error, error.sum(axis=0)],
    }
    norms = gradients(model, X, Y)
    assert list(norms) == ["one", "two"]
    for name, arrays in parts.items():
        wanted = np.sqrt(sum((array**2).sum() for array in arrays))
        np.testing.assert_allclose(norms[name], wanted, rtol=1e-5)


def test_lists_of_numbers_are_arrays():
    model = models.mlp(4, 2, task="regression", hidden=3, seed=0)
    wanted = gradients(model, X, Y)
    assert gradients(model, X.tolist(), Y.tolist()) == pytest.approx(wanted, rel=1e-5)


def test_penalties_are_included():
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(2, use_bias=False, kernel_regularizer="l2")]
    )
    model.compile(loss=lambda y, p: 0 * keras.ops.sum(p, axis=-1))
    [norm] = gradients(model, X, Y).values()
    # The gradient of 0.01 w^2 is 0.02 w.
    np.testing.assert_allclose(norm, 0.02 * np.linalg.norm(model.get_weights()[0]), rtol=1e-5)


def test_gradients_vanish_through_sigmoids_but_not_through_relus():
    def ratio(activation):
        model = models.mlp(4, 2, task="regression", hidden=(20,) * 6, activation=activation, seed=0)
        norms = list(gradients(model, X, Y).values())
        return norms[0] / norms[-2]

    assert ratio("sigmoid") < 1e-2
    assert ratio("relu") > 0.1


def test_nested_shared_and_frozen_layers():
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, name="deep")], name="inner")
    shared = keras.layers.Dense(4, name="shared")
    frozen = keras.layers.Dense(2, name="frozen", trainable=False)
    ends = keras.Input((4,))
    model = keras.Model(ends, frozen(shared(shared(inner(ends)))))
    model.compile(loss="mse")
    norms = gradients(model, X, Y)
    assert list(norms) == ["inner/deep", "shared"]
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model(X) - Y) ** 2)
    by_hand = tape.gradient(loss, [v.value for v in shared.trainable_weights])
    np.testing.assert_allclose(norms["shared"], tf.linalg.global_norm(by_hand), rtol=1e-5)


def test_weights_of_a_subclassed_model():
    class Scaled(keras.Model):
        def __init__(self):
            super().__init__(name="scaled")
            self.factor = self.add_weight(shape=(), initializer="ones")
            self.dense = keras.layers.Dense(2, name="dense")

        def call(self, x):
            return self.factor * self.dense(x)

    model = Scaled()
    model.compile(loss="mse")
    norms = gradients(model, X, Y)
    assert set(norms) == {"dense", "scaled"}
    outputs = model(X).numpy()
    wanted = abs((2 * (outputs - Y) * outputs / Y.size).sum())
    np.testing.assert_allclose(norms["scaled"], wanted, rtol=1e-5)


def test_an_embedding():
    model = keras.Sequential(
        [keras.Input((1,), dtype="int32"), keras.layers.Embedding(9, 2), keras.layers.Flatten()]
    )
    model.compile(loss="mse")
    tokens = np.array([[1], [1], [3]])
    rows = model.get_weights()[0][tokens[:, 0]]
    per_row = 2 * (rows - Y[:3]) / 6
    wanted = np.sqrt((np.stack([per_row[0] + per_row[1], per_row[2]]) ** 2).sum())
    np.testing.assert_allclose(list(gradients(model, tokens, Y[:3]).values()), wanted, rtol=1e-5)


def test_the_model_does_not_change():
    ends = keras.Input((4,))
    signal = keras.layers.BatchNormalization()(keras.layers.Dense(3)(ends))
    signal = keras.layers.Dropout(0.5)(signal)
    outputs = {"a": keras.layers.Dense(2, name="a")(signal), "b": keras.layers.Dense(1)(signal)}
    model = keras.Model(ends, outputs)
    model.compile(loss={"a": "mse", "b": "mae"}, metrics={"a": ["mae"]})
    targets = {"a": Y, "b": Y[:, :1]}
    model.evaluate(X, targets, verbose=0)
    before = [v.numpy() for v in [*model.variables, *model.metrics_variables]]
    first, second = gradients(model, X, targets), gradients(model, X, targets)
    assert first == second
    for v, value in zip([*model.variables, *model.metrics_variables], before, strict=True):
        np.testing.assert_array_equal(v.numpy(), value)


def test_rows_of_weight_0_do_not_count():
    model = models.mlp(4, 2, task="regression", hidden=3, seed=0)
    weights = np.repeat([2.0, 0.0], 8)
    wanted = gradients(model, X[:8], Y[:8])
    assert gradients(model, X, Y, sample_weight=weights) == pytest.approx(wanted, rel=1e-5)
