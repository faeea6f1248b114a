"""UnitwiseActivation against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasnn.layers import UnitwiseActivation

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 5, 4)).astype("float32")
NAMES = ["tanh", "relu", "linear", "tanh"]
BY_HAND = [np.tanh, lambda x: np.maximum(x, 0), lambda x: x, np.tanh]


@keras.saving.register_keras_serializable("tests")
def cube(x):
    return x**3


@pytest.mark.parametrize("x", [X, X[0]])
def test_by_hand(x):
    wanted = np.stack([f(x[..., i]) for i, f in enumerate(BY_HAND)], axis=-1)
    np.testing.assert_allclose(UnitwiseActivation(NAMES)(x), wanted, rtol=1e-6)


@pytest.mark.parametrize("order", [[3, 0, 1, 2], [2, 1, 3, 0]])
def test_every_order(order):
    """Units with the same activation are computed together, and returned in their order."""
    names = [NAMES[i] for i in order]
    outputs = UnitwiseActivation(names)(X[..., order])
    np.testing.assert_allclose(outputs, UnitwiseActivation(NAMES)(X).numpy()[..., order])


def test_each_output_depends_on_its_own_input_only():
    layer, x = UnitwiseActivation(["tanh", cube, "sigmoid", cube]), tf.constant(X[0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
    t, s = np.tanh(X[0, :, 0]), 1 / (1 + np.exp(-X[0, :, 2]))
    wanted = [1 - t**2, 3 * X[0, :, 1] ** 2, s * (1 - s), 3 * X[0, :, 3] ** 2]
    derivatives = tape.batch_jacobian(y, x).numpy()
    diagonals = np.stack([np.diag(row) for row in np.stack(wanted, axis=1)])
    np.testing.assert_allclose(derivatives, diagonals, rtol=1e-4, atol=1e-6)


def test_custom_functions_are_saved(tmp_path):
    model = keras.Sequential([keras.Input((3,)), UnitwiseActivation([cube, "relu", cube])])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(X[0, :, :3]), model(X[0, :, :3]))


def test_a_threshold_among_others(tmp_path):
    model = keras.Sequential([keras.Input((2,)), UnitwiseActivation(["threshold", "tanh"])])
    x = tf.constant([[-0.5, 1.0], [0.25, 1.0], [2.0, 1.0]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = model(x)
    np.testing.assert_array_equal(y[:, 0], [0, 1, 1])
    # The surrogate is a triangle.
    np.testing.assert_allclose(tape.gradient(y, x)[:, 0], [0.5, 0.75, 0])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(x), y)


@pytest.mark.parametrize("activations", ["relu", [], None, keras.activations.relu])
def test_a_list_is_needed(activations, invalid):
    with invalid("activations", value=activations):
        UnitwiseActivation(activations)


@pytest.mark.parametrize(
    "activation",
    ["rellu", "softmax", pytest.param(keras.activations.softmax, id="function"), None, 3],
)
def test_elementwise_activations_are_needed(activation, invalid):
    with invalid("activations[1]"):
        UnitwiseActivation(["tanh", activation])


@pytest.mark.parametrize("shape", [(2,), (5, 4), (None,)])
def test_another_number_of_units(shape, invalid):
    with invalid("activations", value=3):
        UnitwiseActivation(["tanh", "relu", "linear"])(keras.Input(shape))
