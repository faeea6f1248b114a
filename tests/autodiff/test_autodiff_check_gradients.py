"""`check_gradients` passes what is right and finds what is wrong."""

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
    """A model with layers in the middle, so that a gradient must pass through them."""
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


class Wrong(keras.layers.Layer):
    def call(self, x):
        return tripled()(x)


class WrongKernel(keras.layers.Layer):
    """Right for its input, wrong for its weights."""

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


SMOOTH = {
    "LeakyReLU learned": lambda: layers.LeakyReLU(0.2, learn_slope=True),
    "LeakyReLU random": lambda: layers.LeakyReLU(randomize=(0.1, 0.3)),
    "UnitwiseActivation": lambda: layers.UnitwiseActivation(["tanh", "gelu", "silu", "linear"]),
    "Dropout": lambda: layers.Dropout(0.5),
    "BatchNormalization": keras.layers.BatchNormalization,
    "LayerNormalization": keras.layers.LayerNormalization,
    "Lambda": lambda: keras.layers.Lambda(keras.ops.square),
}


@pytest.mark.parametrize("layer", SMOOTH)
def test_smooth_layers_pass(layer):
    assert check_gradients(around(SMOOTH[layer]()), X, Y, samples=5) < 1e-6


@pytest.mark.parametrize("invert", [False, True])
def test_standardize_passes(invert):
    layer = layers.Standardize(invert=invert)
    layer.adapt(X * 2 + 1)
    assert check_gradients(around(layer), X, Y, samples=5) < 1e-6


def test_graph_convolution_passes():
    model = models.graph_network(4, 2, task="regression", units=3, activation="tanh", seed=0)
    x = {"features": X[:6].reshape(2, 3, 4), "adjacency": np.stack([GRAPH, GRAPH])}
    assert check_gradients(model, x, Y[:6].reshape(2, 3, 2), samples=5) < 1e-6


@pytest.mark.parametrize(
    ("build", "rows"),
    [
        (lambda: models.mlp(4, 3, task="multiclass", hidden=5, l1=0.1, l2=0.1, seed=0), (4,)),
        (
            lambda: models.cnn((4, 4, 1), 3, task="multiclass", filters=2, hidden=4, seed=0),
            (4, 4, 1),
        ),
        (lambda: models.rnn((3, 2), 3, task="multiclass", units=3, seed=0), (3, 2)),
        (
            lambda: models.rnn((3, 2), 3, task="multiclass", units=2, cell="gru", bidirectional=1),
            (3, 2),
        ),
    ],
    ids=["mlp", "cnn", "lstm", "gru"],
)
def test_networks_pass(build, rows):
    x = RNG.normal(size=(8, *rows))
    assert check_gradients(build(), x, LABELS, samples=4) < 1e-6


@pytest.mark.parametrize("planted", ["layer", "function", "kernel"])
def test_a_planted_error_is_found(planted):
    middle = {
        "layer": Wrong,
        "function": lambda: keras.layers.Activation(tripled()),
        "kernel": WrongKernel,
    }[planted]
    error = check_gradients(around(middle()), X, Y, samples=5)
    # A factor of 1.5, and of 1.001.
    assert error > (1e-4 if planted == "kernel" else 0.1)


@pytest.mark.parametrize("middle", [layers.Threshold(), layers.Threshold(surrogate="sigmoid")])
def test_a_chosen_gradient_is_not_the_true_one(middle):
    assert check_gradients(around(middle), X, Y) > 0.5


def test_the_true_gradient_of_the_threshold_passes():
    assert check_gradients(around(layers.Threshold(surrogate="none")), X, Y) < 1e-6


def test_losses_of_every_form():
    for loss in ("mse", keras.losses.MeanSquaredError(), keras.losses.Huber(0.5), absolute):
        model = around()
        model.compile(loss=loss)
        assert check_gradients(model, X, Y, samples=5) < 1e-6


def absolute(y, p):
    return keras.ops.mean(keras.ops.abs(y - p), axis=-1)


def test_several_outputs_and_weights_of_losses():
    ends = keras.Input((4,))
    model = keras.Model(
        ends,
        {"a": keras.layers.Dense(2, "tanh", name="a")(ends), "b": keras.layers.Dense(1)(ends)},
    )
    model.compile(loss={"a": "mse", "b": "mse"}, loss_weights={"a": 1e6, "b": 1.0})
    assert check_gradients(model, X, {"a": Y, "b": Y[:, :1]}, samples=5) < 1e-6


def test_the_sample_follows_the_seed():
    """One wrong number among many is found by some seeds, and by looking at all."""

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
    chosen = [np.random.default_rng(seed).permutation(40)[:20] for seed in range(4)]
    found = [check_gradients(model, x, 0 * x, samples=20, seed=seed) > 0.3 for seed in range(4)]
    assert found == [7 in numbers for numbers in chosen]
    assert set(found) == {True, False}


def test_the_model_and_keras_stay_as_they_are():
    model = models.mlp(4, 2, task="regression", dropout=0.5, batch_norm=True, seed=0)
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
