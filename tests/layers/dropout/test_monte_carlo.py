"""predict_mc: mean and deviation, the active layers, and everything that does not change."""

import random

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
def test_mean_and_deviation_of_a_linear_unit(dropout):
    """The mean is w x, the variance sum w^2 x^2 p / (1 - p)."""
    model, n, p = network(dropout(0.3), outputs=1), 4000, 0.3
    kernel = model.layers[-1].get_weights()[0]
    mean, std = predict_mc(model, X, n=n, seed=1)
    wanted = np.sqrt(X**2 @ kernel**2 * p / (1 - p))
    assert np.abs((mean - X @ kernel) / wanted).max() < 4.5 / np.sqrt(n)
    np.testing.assert_allclose(std, wanted, rtol=0.1)


def test_two_draws_by_hand():
    """For n = 2, mean and deviation determine both draws: each is a draw of the dropout."""
    model = keras.Sequential([keras.Input((6,)), layers.Dropout(0.5)])
    mean, std = predict_mc(model, np.ones((50, 6)), n=2, seed=1)
    pairs = {
        (round(float(m), 3), round(float(s), 3)) for m, s in zip(mean.flat, std.flat, strict=True)
    }
    assert pairs == {(0, 0), (1, 1), (2, 0)}


def test_every_dropout_layer_is_active():
    """Each in front of an output of its own."""
    x = keras.Input((6,))
    model = keras.Model(x, [keras.layers.Dense(2)(make()(x)) for make in DROPOUTS])
    _, deviations = predict_mc(model, X, n=3, seed=1)
    for make, std in zip(DROPOUTS, deviations, strict=True):
        assert (std > 0).any(axis=1).mean() > 0.5, make


def test_everything_else_is_inference_and_does_not_change():
    """With a rate of 1e-9, which draws and drops nothing, the mean is that of inference."""
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
    # The graph of the model has no additional node.
    assert model.layers[0].output is not None


def test_calls_repeat_with_a_seed_only():
    model = network(layers.Dropout(0.5))
    one, same, other, free, again = (
        predict_mc(model, X, n=3, seed=seed) for seed in (1, 1, 2, None, None)
    )
    np.testing.assert_array_equal(one, same)
    assert (one[0] != other[0]).any()
    assert (free[0] != again[0]).any()


def test_each_batch_draws_new_masks():
    """Equal rows in different batches have different masks."""
    model = network(layers.Dropout(0.5, noise_shape=(1, None)))
    mean, _ = predict_mc(model, np.ones((5, 6)), n=3, seed=1, batch_size=2)
    assert mean.shape == (5, 2)
    # Within a batch they are equal, except for rounding that depends on the position of a row.
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
    # Padding is masked in every layer, as without dropout.
    shorter, _ = predict_mc(model, x, n=40, seed=1)
    assert np.abs(mean - shorter).max() < 6 * std.max() / np.sqrt(40)


def test_nested_models_and_several_inputs_and_outputs():
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
    ("make", "hint"),
    [
        (lambda: keras.Sequential([layers.Dropout(0.5)]), "Call it on a batch"),
        (lambda: network(layers.Dropout(0.0)), "Build it with dropout"),
        (Subclassed, "keras.Model(inputs, outputs)"),
        (lambda: network(Subclassed()), "keras.Model(inputs, outputs)"),
        (lambda: network(Block(name="my_block")), "Build the model from its layers"),
    ],
    ids=["not built", "no dropout", "subclassed", "nested subclassed", "custom layer"],
)
def test_models_that_are_refused(make, hint, invalid):
    model = make()
    with invalid("model") as caught:
        predict_mc(model, X)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("argument", "value"), [("model", 3), ("n", 1), ("batch_size", 0), ("seed", -1)]
)
def test_arguments_that_are_refused(argument, value, invalid):
    with invalid(argument, value=value):
        predict_mc(**{"model": network(layers.Dropout(0.5)), "x": X, argument: value})


@pytest.mark.parametrize(
    "x", [X[:, :4], np.full((2, 6), np.nan), X[:0]], ids=["columns", "NaN", "no rows"]
)
def test_data_that_is_refused(x):
    with pytest.raises(ValueError, match="`x` must"):
        predict_mc(network(layers.Dropout(0.5)), x)


def test_an_unknown_argument():
    with pytest.raises(TypeError, match="Did you mean `batch_size`"):
        predict_mc(network(layers.Dropout(0.5)), X, batchsize=3)
