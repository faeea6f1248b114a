"""predict_mc: what it computes, what it switches on, and what it leaves alone."""

import random
import re

import keras
import numpy as np
import pytest

from kerasnn import layers
from kerasnn.layers import predict_mc

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 6)).astype("float32")
DROPOUTS = [
    lambda: layers.AlphaDropout(0.3),
    lambda: layers.ConcreteDropout(0.3),
    lambda: layers.DropBlock(0.3, 1),
    lambda: layers.DropConnect(6, 0.3),
    lambda: layers.DropPath(0.3),
    lambda: layers.Dropout(0.3),
    lambda: layers.Dropout(0.3, noise_shape=(1, None)),
    lambda: layers.GaussianDropout(0.3),
    lambda: layers.SpatialDropout(0.3),
    lambda: keras.layers.Dropout(0.3),
    lambda: keras.layers.GaussianDropout(0.3),
    lambda: keras.layers.AlphaDropout(0.3),
]


def network(*middle, outputs=2):
    return keras.Sequential([keras.Input((6,)), *middle, keras.layers.Dense(outputs)])


def state(model):
    return [keras.ops.convert_to_numpy(v) for v in model.variables]


@pytest.mark.parametrize("dropout", [layers.Dropout, keras.layers.Dropout])
def test_mean_and_deviation_are_those_of_the_formula(dropout):
    """Of a linear unit: mean w x, variance sum w^2 x^2 p / (1 - p)."""
    model, n, p = network(dropout(0.3), outputs=1), 4000, 0.3
    kernel = model.layers[-1].get_weights()[0]
    mean, std = predict_mc(model, X, n=n, seed=1)
    wanted = np.sqrt(X**2 @ kernel**2 * p / (1 - p))
    assert np.abs((mean - X @ kernel) / wanted).max() < 4.5 / np.sqrt(n)
    np.testing.assert_allclose(std, wanted, rtol=0.1)


def test_two_draws_by_hand():
    """With n = 2 mean and deviation give both draws back: each is a draw of the dropout."""
    model = keras.Sequential([keras.Input((6,)), layers.Dropout(0.5)])
    mean, std = predict_mc(model, np.ones((50, 6)), n=2, seed=1)
    pairs = {
        (round(float(m), 3), round(float(s), 3)) for m, s in zip(mean.flat, std.flat, strict=True)
    }
    assert pairs == {(0, 0), (1, 1), (2, 0)}


@pytest.mark.parametrize("make", DROPOUTS)
def test_every_dropout_layer_is_switched_on(make):
    _, std = predict_mc(network(make()), X, n=3, seed=1)
    assert (std > 0).any(axis=1).mean() > 0.5


def test_nothing_else_is_switched_on_or_moved():
    """Beside a dropout of the rate 1e-9, which draws and drops nothing, all is inference."""
    model = network(
        keras.layers.Dense(6, activity_regularizer="l2"),
        keras.layers.GaussianNoise(1.0),
        keras.layers.BatchNormalization(),
        layers.Dropout(1e-9),
        keras.layers.Dropout(1e-9),
    )
    model.compile("adam", "mse")
    model.fit(X, X[:, :2], verbose=0)
    before, seen = state(model), model(X).numpy()
    losses = [float(loss) for loss in model.losses]
    keras.utils.set_random_seed(3)
    wanted = keras.random.uniform((3,)).numpy()
    keras.utils.set_random_seed(3)
    here = random.getstate(), np.random.get_state()[1].tolist()
    mean, std = predict_mc(model, X, n=4, seed=1)
    np.testing.assert_allclose(mean, seen, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(std, 0, atol=1e-5)
    for one, other in zip(before, state(model), strict=True):
        np.testing.assert_array_equal(one, other)
    assert [float(loss) for loss in model.losses] == losses
    assert (random.getstate(), np.random.get_state()[1].tolist()) == here
    np.testing.assert_array_equal(keras.random.uniform((3,)), wanted)
    # Nor does the model's graph know of it.
    assert model.layers[0].output is not None


def test_the_seed_repeats_and_its_lack_does_not():
    model = network(layers.Dropout(0.5))
    one, same, other, free, again = (
        predict_mc(model, X, n=3, seed=seed) for seed in (1, 1, 2, None, None)
    )
    np.testing.assert_array_equal(one, same)
    assert (one[0] != other[0]).any()
    assert (free[0] != again[0]).any()


def test_batches_draw_anew():
    """Equal rows in different batches have masks of their own."""
    model = network(layers.Dropout(0.5, noise_shape=(1, None)))
    mean, _ = predict_mc(model, np.ones((5, 6)), n=3, seed=1, batch_size=2)
    assert mean.shape == (5, 2)
    # They are alike within one, but for the rounding that a row's place decides.
    np.testing.assert_allclose(mean[0], mean[1], rtol=1e-5, atol=1e-6)
    assert (mean[0] != mean[2]).any()
    assert (mean[2] != mean[4]).any()


@pytest.mark.slow
def test_recurrent_and_attention_layers_behind_masks():
    tokens = keras.Input((None,), dtype="int32")
    signal = keras.layers.Embedding(9, 4, mask_zero=True)(tokens)
    lstm = keras.layers.LSTM(3, recurrent_dropout=0.3, return_sequences=True)
    signal = keras.layers.Bidirectional(lstm)(signal)
    signal = keras.layers.MultiHeadAttention(2, 3, dropout=0.3)(signal, signal)
    signal = keras.layers.TimeDistributed(keras.layers.Dropout(0.3))(signal)
    model = keras.Model(tokens, keras.layers.GRU(2, dropout=0.3)(signal))
    x = RNG.integers(1, 9, size=(8, 5))
    padded = np.pad(x, ((0, 0), (0, 3)))
    mean, std = predict_mc(model, padded, n=40, seed=1)
    assert (std > 0).all()
    # Padding is hidden from every layer, as without dropout.
    shorter, _ = predict_mc(model, x, n=40, seed=1)
    assert np.abs(mean - shorter).max() < 6 * std.max() / np.sqrt(40)


def test_nested_models_and_several_ends():
    first = keras.Input((6,), name="first")
    second = keras.Input((3,), name="second")
    base = network(keras.layers.BatchNormalization(), layers.Dropout(0.5))
    base.name = "base"
    frozen = base(first, training=False)
    joined = keras.ops.relu(keras.layers.Concatenate()([frozen, base(first), second]))
    out = {"joined": keras.layers.Dense(2)(joined), "plain": keras.layers.Dense(1)(second)}
    model = keras.Model({"first": first, "second": second}, out)
    x = {"first": X, "second": X[:, :3]}
    before = state(model)
    mean, std = predict_mc(model, x, n=5, seed=1)
    assert {name: part.shape for name, part in mean.items()} == {
        "joined": (40, 2),
        "plain": (40, 1),
    }
    assert (std["joined"] > 0).any()
    np.testing.assert_allclose(std["plain"], 0, atol=1e-6)
    np.testing.assert_allclose(mean["plain"], model(x)["plain"], rtol=1e-5, atol=1e-6)
    for one, other in zip(before, state(model), strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(base.inputs) == 1
    assert base.get_layer(index=0).output is not None


def test_half_precision_gives_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    mean, std = predict_mc(network(layers.Dropout(0.5)), X, n=3)
    assert (mean.dtype, std.dtype) == (np.float32, np.float32)
    assert (std > 0).any()


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.drop = keras.layers.Dropout(0.5)

    def call(self, x, training=False):
        return self.drop(x, training=training)


class Block(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.drop = keras.layers.Dropout(0.5)

    def call(self, x, training=False):
        return self.drop(x, training=training)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: 3, "`model` must be a Keras model; got 3."),
        (lambda: keras.Sequential([layers.Dropout(0.5)]), "`model` must be built, so that its"),
        (
            lambda: network(layers.Dropout(0.0)),
            "holds none with a rate above 0. Build it with dropout, and train it so.",
        ),
        (
            Subclassed,
            "a Subclassed, computes by its own `call`. Build it with keras.Model(inputs, outputs).",
        ),
        (lambda: network(Subclassed()), "computes by its own `call`"),
        (
            lambda: network(Block(name="my_block")),
            "`model` holds `my_block`, a Block with dropout inside that cannot be switched on by "
            "itself. Build the model of its layers",
        ),
    ],
)
def test_models_that_cannot_be_switched(model, message):
    model = model()
    with pytest.raises(ValueError, match=re.escape(message)):
        predict_mc(model, X)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 1}, "`n` must be a whole number of at least 2; got n=1. One draw has no"),
        ({"batch_size": 0}, "`batch_size` must be a whole number of at least 1; got batch_size=0"),
        ({"seed": -1}, "`seed` must be a whole number of at least 0; got seed=-1"),
        ({"x": X[:, :4]}, "`x` must have shape (batch, 6); got (40, 4)"),
        (
            {"x": np.full((2, 6), np.nan)},
            "`x` must hold finite numbers; got nan in row 0, column 0",
        ),
        ({"x": X[:0]}, "`x` must hold at least one row; got shape (0, 6)"),
    ],
)
def test_arguments_that_cannot_be_right(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        predict_mc(network(layers.Dropout(0.5)), **{"x": X, **arguments})


def test_a_misspelt_argument():
    with pytest.raises(TypeError, match="Did you mean `batch_size`"):
        predict_mc(network(layers.Dropout(0.5)), X, batchsize=3)
