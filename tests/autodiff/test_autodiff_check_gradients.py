"""check_gradients: correct gradients pass, wrong ones are found."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasnn import layers, models
from kerasnn.autodiff import check_gradients

RNG = np.random.default_rng(0)
X = RNG.normal(size=(8, 4)).astype("float32")
Y = RNG.normal(size=(8, 2)).astype("float32")
LABELS = np.arange(8) % 3
GRAPH = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], "float32")


def around(*stack, rows=(4,), outputs=2):
    """A model with layers between dense ones, so that gradients pass through them."""
    model = keras.Sequential(
        [
            keras.Input(rows),
            keras.layers.Dense(rows[-1], "tanh"),
            *stack,
            keras.layers.Flatten(),
            keras.layers.Dense(outputs),
        ]
    )
    model.compile(loss="mse")
    return model


def tripled():
    @tf.custom_gradient
    def square(x):
        return x**2, lambda upstream: 3 * x * upstream  # 2 x would be right.

    return square


class WrongKernel(keras.layers.Layer):
    """Correct for its input, wrong for its weights."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], 2), name="kernel")

    def call(self, x):
        @tf.custom_gradient
        def multiply(x, w):
            def backward(upstream):
                exact = tf.matmul(x, upstream, transpose_a=True)
                return tf.matmul(upstream, w, transpose_b=True), exact * 1.001

            return tf.matmul(x, w), backward

        return multiply(x, tf.convert_to_tensor(self.kernel))


def test_layers_pass():
    """One behind another, so that a wrong gradient of any is found."""
    standardize = layers.Standardize()
    standardize.adapt(X * 2 + 1)
    restored = standardize.inverse()
    model = around(
        standardize,
        layers.LeakyReLU(0.2, learn_slope=True),
        layers.LeakyReLU(randomize=(0.1, 0.3)),
        layers.UnitwiseActivation(["tanh", "gelu", "silu", "linear"]),
        layers.Dropout(0.5),
        keras.layers.BatchNormalization(),
        keras.layers.LayerNormalization(),
        keras.layers.Lambda(keras.ops.square),
        restored,
    )
    assert check_gradients(model, X, Y, samples=5) < 1e-6


def test_graph_convolution_passes():
    model = models.graph_network(4, 2, task="regression", units=3, activation="tanh", seed=0)
    x = {"features": X[:6].reshape(2, 3, 4), "adjacency": np.stack([GRAPH, GRAPH])}
    assert check_gradients(model, x, Y[:6].reshape(2, 3, 2), samples=2) < 1e-6


@pytest.mark.parametrize(
    ("build", "rows"),
    [
        (lambda: models.mlp(4, 3, task="multiclass", hidden=5, l1=0.1, l2=0.1, seed=0), (4,)),
        (
            lambda: models.cnn((4, 4, 1), 3, task="multiclass", filters=2, hidden=4, seed=0),
            (4, 4, 1),
        ),
        (
            lambda: models.rnn((3, 2), 3, task="multiclass", units=2, cell="gru", bidirectional=1),
            (3, 2),
        ),
    ],
    ids=["mlp", "cnn", "gru"],
)
def test_networks_pass(build, rows):
    x = RNG.normal(size=(8, *rows))
    assert check_gradients(build(), x, LABELS, samples=2) < 1e-6


@pytest.mark.parametrize(
    ("make", "error"),
    [(lambda: keras.layers.Activation(tripled()), 0.1), (WrongKernel, 1e-4)],
    ids=["factor 1.5 in a function", "factor 1.001 of a weight"],
)
def test_wrong_gradients_are_found(make, error):
    assert check_gradients(around(make()), X, Y, samples=5) > error


def test_surrogate_gradients_count_as_wrong():
    assert check_gradients(around(layers.Threshold(surrogate="sigmoid")), X, Y, samples=5) > 0.5
    true = around(layers.Threshold(surrogate="none"))
    assert check_gradients(true, X, Y, samples=5) < 1e-6


def absolute(y, p):
    return keras.ops.mean(keras.ops.abs(y - p), axis=-1)


def test_several_outputs_with_losses_of_every_kind_and_weights():
    ends = keras.Input((4,))
    outputs = {name: keras.layers.Dense(2, "tanh", name=name)(ends) for name in "abc"}
    model = keras.Model(ends, outputs)
    losses = {"a": "mse", "b": keras.losses.Huber(0.5), "c": absolute}
    model.compile(loss=losses, loss_weights={"a": 1e6, "b": 1.0, "c": 1.0})
    assert check_gradients(model, X, {"a": Y, "b": Y, "c": Y}, samples=5) < 1e-6


def test_the_sample_follows_the_seed():
    """One wrong weight among many is found with some seeds, and if all are checked."""

    class OneWrong(keras.layers.Layer):
        def build(self, shape):
            self.scale = self.add_weight(shape=(40,), initializer="ones", name="scale")

        def call(self, x):
            @tf.custom_gradient
            def scale(w):
                wrong = tf.cast(tf.one_hot(7, 40), w.dtype)
                return tf.identity(w), lambda upstream: upstream * (1 + wrong)

            return x * scale(tf.convert_to_tensor(self.scale))

    model = keras.Sequential([keras.Input((40,)), OneWrong()])
    model.compile(loss="mse")
    x = RNG.normal(size=(3, 40))
    assert check_gradients(model, x, 0 * x) > 0.3
    chosen = [7 in np.random.default_rng(seed).permutation(40)[:20] for seed in range(9)]
    for includes in (True, False):
        error = check_gradients(model, x, 0 * x, samples=20, seed=chosen.index(includes))
        assert (error > 0.3) == includes


def test_the_model_and_the_state_of_keras_do_not_change():
    model = models.mlp(4, 2, task="regression", hidden=3, dropout=0.5, batch_norm=True, seed=0)
    before = [v.numpy() for v in model.variables]
    check_gradients(model, X, Y, samples=2)
    for v, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(v.numpy(), value)
    assert {v.dtype for v in model.trainable_variables} == {"float32"}
    assert keras.config.floatx() == "float32"
    assert keras.config.dtype_policy().name == "float32"
    assert keras.layers.Dense(1).compute_dtype == "float32"


def test_mixed_precision_is_checked_in_float64():
    keras.config.set_dtype_policy("mixed_bfloat16")
    assert check_gradients(around(keras.layers.Dense(3, "tanh")), X, Y, samples=5) < 1e-6
