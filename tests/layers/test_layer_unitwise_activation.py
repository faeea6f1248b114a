"""An activation for every unit, against NumPy."""

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


@pytest.mark.parametrize("order", [[3, 0, 1, 2], [2, 1, 3, 0], [1, 3, 0, 2]])
def test_every_order(order):
    """Units of the same kind are computed together, and come back to their places."""
    names = [NAMES[i] for i in order]
    outputs = UnitwiseActivation(names)(X[..., order])
    np.testing.assert_allclose(outputs, UnitwiseActivation(NAMES)(X).numpy()[..., order])


def test_a_unit_sees_its_own_input_alone():
    layer, x = UnitwiseActivation(["tanh", cube, "sigmoid", cube]), tf.constant(X[0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
    t, s = np.tanh(X[0, :, 0]), 1 / (1 + np.exp(-X[0, :, 2]))
    wanted = [1 - t**2, 3 * X[0, :, 1] ** 2, s * (1 - s), 3 * X[0, :, 3] ** 2]
    derivatives = tape.batch_jacobian(y, x).numpy()
    diagonals = np.stack([np.diag(row) for row in np.stack(wanted, axis=1)])
    np.testing.assert_allclose(derivatives, diagonals, rtol=1e-4, atol=1e-6)


def test_functions_of_ones_own_are_saved(tmp_path):
    model = keras.Sequential([keras.Input((3,)), UnitwiseActivation([cube, "relu", cube])])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(X[0, :, :3]), model(X[0, :, :3]))


@pytest.mark.parametrize("activations", ["relu", [], None, keras.activations.relu])
def test_what_is_no_list(activations):
    message = "`activations` must be a list with one activation for each unit; got activations="
    with pytest.raises(ValueError, match=message):
        UnitwiseActivation(activations)


@pytest.mark.parametrize(
    ("activation", "message"),
    [
        ("rellu", r"`activations\[1\]` must be one of 'celu', .*Did you mean `relu`\?"),
        ("softmax", r"`activations\[1\]` must be one of 'celu', .*got activations\[1\]='softm"),
        (
            keras.activations.softmax,
            r"`activations\[1\]` must work number by number, and not across the units; got",
        ),
        (None, r"`activations\[1\]` must be the name of an activation or a function; got activ"),
        (3, r"`activations\[1\]` must be the name of an activation or a function; got activ"),
    ],
)
def test_what_is_no_activation(activation, message):
    with pytest.raises(ValueError, match=message):
        UnitwiseActivation(["tanh", activation])


@pytest.mark.parametrize("shape", [(2,), (5, 4), (None,)])
def test_another_number_of_units(shape):
    with pytest.raises(
        ValueError,
        match=r"`activations` must hold one activation for each unit; got 3 for inputs of shape",
    ):
        UnitwiseActivation(["tanh", "relu", "linear"])(keras.Input(shape))
