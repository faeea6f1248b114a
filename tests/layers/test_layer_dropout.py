"""Dropout: what it drops, how much of it, and when the same again."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasnn.layers import Dropout

X = np.random.default_rng(0).normal(size=(64, 100)).astype("float32") + 5


def steps(layer, count, x=X):
    return [layer(x, training=True).numpy() for _ in range(count)]


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_kept_inputs_are_scaled_and_the_others_are_0(rate):
    [y] = steps(Dropout(rate, seed=1), 1)
    kept = y != 0
    np.testing.assert_allclose(y[kept], X[kept] / (1 - rate), rtol=1e-6)
    # Four deviations of the share of 6,400 coins.
    assert abs(kept.mean() - (1 - rate)) < 4 * np.sqrt(rate * (1 - rate) / X.size)


def test_the_expectation_is_the_input():
    layer = Dropout(0.3, seed=1)
    [y] = steps(layer, 1, np.ones((500, 8, 16), "float32"))
    mean = y.mean(axis=0)
    deviation = np.sqrt(0.3 / 0.7 / 500)
    assert np.abs(mean - 1).max() < 5 * deviation
    assert abs(mean.mean() - 1) < 5 * deviation / np.sqrt(mean.size)


def test_the_gradient_has_the_same_mask():
    layer, x = Dropout(0.5, seed=1), tf.Variable(X)
    with tf.GradientTape() as tape:
        y = layer(x, training=True)
    np.testing.assert_allclose(tape.gradient(y, x), np.where(y.numpy() != 0, 2, 0))


def test_inference_is_the_identity():
    layer = Dropout(0.5, seed=1)
    np.testing.assert_array_equal(layer(X).numpy(), X)
    np.testing.assert_array_equal(layer(X, training=False).numpy(), X)
    [first] = steps(layer, 1)
    # And it takes nothing from the stream of random numbers.
    np.testing.assert_array_equal(first, steps(Dropout(0.5, seed=1), 1)[0])


def test_a_rate_of_0_is_the_identity():
    layer = Dropout(0.0)
    np.testing.assert_array_equal(layer(X, training=True).numpy(), X)
    assert layer.variables == []


def test_seeds_repeat():
    one, same, other = (steps(Dropout(0.5, seed=seed), 3) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert all((a != b).any() for a, b in zip(one, other, strict=True))


def test_the_global_seed_repeats():
    runs = []
    for seed in (7, 7, 8):
        keras.utils.set_random_seed(seed)
        runs.append(steps(Dropout(0.5), 2))
    np.testing.assert_array_equal(runs[0], runs[1])
    assert (np.array(runs[0]) != np.array(runs[2])).any()


def test_steps_are_independent():
    """Masks of different steps agree as often as coins do."""
    masks = np.array(steps(Dropout(0.5, seed=1), 20)) != 0
    for a in range(20):
        for b in range(a):
            assert abs((masks[a] == masks[b]).mean() - 0.5) < 5 * 0.5 / np.sqrt(X.size)


def test_neighbours_are_independent():
    [y] = steps(Dropout(0.5, seed=1), 1)
    mask = (y != 0).astype(float)
    for other in (np.roll(mask, 1, axis=0), np.roll(mask, 1, axis=1)):
        assert abs(np.corrcoef(mask.ravel(), other.ravel())[0, 1]) < 5 / np.sqrt(X.size)


def test_a_graph_draws_anew_at_each_call():
    layer = Dropout(0.5, seed=1)
    program = tf.function(lambda x: layer(x, training=True))
    first, second = program(X).numpy(), program(X).numpy()
    assert (first != second).any()
    np.testing.assert_array_equal([first, second], steps(Dropout(0.5, seed=1), 2))


def test_a_noise_shape_drops_whole_slices():
    x = np.ones((6, 5, 40), "float32")
    layer = Dropout(0.5, noise_shape=(None, 1, None), seed=1)
    y = layer(x, training=True).numpy()
    np.testing.assert_array_equal(y, np.repeat(y[:, :1], 5, axis=1))
    assert set(np.unique(y)) == {0, 2}
    assert 0.3 < y.mean() / 2 < 0.7


def test_a_model_without_dropout_in_inference_is_deterministic():
    model = keras.Sequential([keras.Input((100,)), Dropout(0.5), keras.layers.Dense(2)])
    np.testing.assert_array_equal(model(X).numpy(), model(X).numpy())


@pytest.mark.parametrize("rate", [1, 1.0, -0.1, 2, np.nan, "half", None, True])
def test_a_rate_that_is_none(rate):
    with pytest.raises(
        ValueError,
        match=r"`rate` must be in \[0, 1\); got rate=.*To switch dropout off, use 0\.",
    ):
        Dropout(rate)


@pytest.mark.parametrize("seed", [-1, 1.5, "one"])
def test_a_seed_that_is_none(seed):
    with pytest.raises(ValueError, match="`seed` must be a whole number of at least 0; got seed="):
        Dropout(0.5, seed=seed)


@pytest.mark.parametrize("noise_shape", [3, (0, None), (None, 1.5), "all"])
def test_a_noise_shape_that_is_none(noise_shape):
    with pytest.raises(
        ValueError, match="`noise_shape` must hold sizes, or None; got noise_shape="
    ):
        Dropout(0.5, noise_shape=noise_shape)


@pytest.mark.parametrize("noise_shape", [(None,), (None, 3), (1, 1, 1)])
def test_a_noise_shape_for_other_inputs(noise_shape):
    message = (
        r"`noise_shape` must hold sizes, or None, that spread over inputs of shape \(64, 100\)"
    )
    with pytest.raises(ValueError, match=message):
        Dropout(0.5, noise_shape=noise_shape)(X, training=True)
