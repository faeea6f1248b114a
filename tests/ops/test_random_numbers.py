"""Statistical tests of counter-based random numbers, across counters, seeds and steps.

Seeds are fixed, so that no test fails by chance; the bounds are those for independent fair bits.
"""

import functools
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from kerasnn import layers, ops

N = 1 << 18
BITS = 24
# Pairs of a seed and a number of draws: adjacent ones, as of layers and steps, and distant ones.
PAIRS = [*itertools.product((0, 1, 2, 2**31, 2**32 - 1), (0, 1, 2, 1000)), (123_456_789, 10**9)]
NORMAL_5 = 5  # Standard deviations; exceeded once in 1.7 million times.


class At:
    """A seed generator that always returns the same pair."""

    def __init__(self, pair):
        self.pair = pair

    def next(self):
        return self.pair


@functools.cache
def program(n):
    """Compiles a draw of n numbers for a seed and a count; eager draws take ten times as long."""
    return tf.function(lambda pair: ops.random_uniform((n,), At(pair)))


def integers(seed, count=0, n=N):
    """Returns the 24 bits of each number as an integer."""
    numbers = program(n)(tf.constant([seed, count], tf.int64))
    return (numbers.numpy() * 2**BITS).astype(np.uint32)


def mix(x):
    x = (x ^ (x >> 16)) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * np.uint32(0x846CA68B)
    return x ^ (x >> 16)


def unmix(x):
    """The inverse of `mix`, with the constants of the reference."""
    x = (x ^ (x >> 16)) * np.uint32(0x43021123)
    x = (x ^ (x >> 15) ^ (x >> 30)) * np.uint32(0x1D69E2A5)
    return x ^ (x >> 16)


def keys(seed, count):
    count = count ^ mix(seed ^ np.uint32(0x9E3779B9))
    seed = seed ^ mix(count)
    return count ^ mix(seed), seed


def words(*numbers):
    return [np.array([n], np.uint32) for n in numbers]


def bits(numbers):
    """Returns `(numbers, 24)`, each 0 or 1."""
    octets = numbers.astype("<u4").view(np.uint8).reshape(-1, 4)
    return np.unpackbits(octets, axis=1, count=BITS, bitorder="little")


def test_values_by_hand():
    for pair in PAIRS[::4]:
        a, b = keys(*words(*pair))
        wanted = mix(mix(np.arange(1000, dtype=np.uint32) ^ a) + b) >> 8
        np.testing.assert_array_equal(integers(*pair, n=1000), wanted)


def test_the_permutation_has_the_inverse_of_the_reference():
    x = np.random.default_rng(0).integers(0, 2**32, size=N, dtype=np.uint32)
    np.testing.assert_array_equal(unmix(mix(x)), x)


def test_all_seeds_and_steps_have_different_keys():
    """Half a million pairs, and the inverse of each line of `keys`."""
    seeds, counts = (np.arange(n, dtype=np.uint32) for n in (512, 1024))
    seed, count = (grid.ravel() for grid in np.meshgrid(seeds, counts))
    a, b = keys(seed, count)
    assert len(np.unique(a.astype(np.uint64) << np.uint64(32) | b)) == len(a)
    middle = a ^ mix(b)
    back = b ^ mix(middle)
    np.testing.assert_array_equal(back, seed)
    np.testing.assert_array_equal(middle ^ mix(back ^ np.uint32(0x9E3779B9)), count)


@pytest.mark.parametrize("jit", [False, True])
def test_eager_graph_and_xla_agree_bit_for_bit(jit):
    generator = keras.random.SeedGenerator(3)
    draw = tf.function(lambda: ops.random_uniform((100, 10), generator), jit_compile=jit)
    eager = keras.random.SeedGenerator(3)
    for _ in range(2):
        np.testing.assert_array_equal(draw(), ops.random_uniform((100, 10), eager))


@pytest.fixture(scope="module")
def numbers():
    return [integers(*pair) for pair in PAIRS]


def test_every_bit_is_fair(numbers):
    """Their 504 deviations from 1/2 have the distribution of fair bits."""
    fractions = np.array([bits(draw).mean(axis=0) for draw in numbers])
    deviations = (fractions - 0.5) * 2 * np.sqrt(N)
    assert np.abs(deviations).max() < NORMAL_5
    assert stats.kstest(deviations.ravel(), "norm").pvalue > 1e-3


@pytest.mark.parametrize("shift", [16, 8, 0], ids=["upper", "middle", "lower"])
def test_buckets_of_eight_bits_are_even(numbers, shift):
    p = [
        stats.chisquare(np.bincount(draw >> shift & 255, minlength=256)).pvalue for draw in numbers
    ]
    assert min(p) > 1e-5
    assert stats.kstest(p, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("lag", [1, 2, 3, 64, 100, 4096])
def test_pairs_across_the_counter_are_even(numbers, lag):
    """Upper and lower bits alike: 32 x 32 squares for numbers `lag` apart."""
    for shift in (19, 0):
        p = []
        for draw in numbers:
            part = draw >> shift & 31
            squares = np.bincount(part[:-lag] * 32 + part[lag:], minlength=1024)
            p.append(stats.chisquare(squares).pvalue)
        assert min(p) > 1e-5
        assert stats.kstest(p, "uniform").pvalue > 1e-3


def test_no_autocorrelation():
    """By the Fourier transform, for all 131,071 lags at once."""
    centred = integers(7) / 2**BITS - 0.5
    power = np.abs(np.fft.rfft(centred, 2 * N)) ** 2
    correlation = np.fft.irfft(power)[1 : N // 2] / (N / 12)
    assert np.abs(correlation).max() * np.sqrt(N) < 6.5
    # There are more pairs at smaller lags: normalise by their number.
    scaled = correlation * N / np.sqrt(N - np.arange(1, N // 2))
    assert abs(scaled.std() - 1) < 0.01


@pytest.mark.parametrize("what", ["seed", "count"])
def test_seeds_and_steps_that_differ_in_one_bit_are_independent(what):
    first = integers(5, 9)
    for bit in range(32):
        other = integers(5 ^ 1 << bit, 9) if what == "seed" else integers(5, 9 ^ 1 << bit)
        agree = (bits(first ^ other) == 0).mean(axis=0)
        assert np.abs(agree - 0.5).max() * 2 * np.sqrt(N) < NORMAL_5
        assert abs(np.corrcoef(first, other)[0, 1]) * np.sqrt(N) < NORMAL_5


def test_successive_steps_are_independent():
    """The first numbers of 2,000 steps are as random as those of one."""
    steps = np.array([integers(3, count, n=64) for count in range(2000)])
    ones = bits(steps.ravel()).mean(axis=0)
    assert np.abs(ones - 0.5).max() * 2 * np.sqrt(steps.size) < NORMAL_5
    for lag in (1, 2, 10):
        agree = (bits((steps[:-lag] ^ steps[lag:]).ravel()) == 0).mean(axis=0)
        assert np.abs(agree - 0.5).max() * 2 * np.sqrt(steps[lag:].size) < NORMAL_5


@pytest.mark.parametrize("what", ["counter", "seed", "count"])
def test_avalanche(what):
    """Flipping any bit of the input flips each bit of the output half of the time."""
    rng = np.random.default_rng(0)
    n = 1 << 14 if what == "counter" else 24 * 256
    if what == "counter":
        draw = integers(11, 13, n=n)
        flipped = [draw[np.arange(n) ^ 1 << bit] for bit in range(14)]
        changes = [(draw ^ other) for other in flipped]
    else:
        pairs = rng.integers(0, 2**32, size=(24, 2), dtype=np.uint32)
        column = ["seed", "count"].index(what)
        changes = []
        for bit in range(32):
            others = pairs.copy()
            others[:, column] ^= np.uint32(1 << bit)
            both = zip(pairs.tolist(), others.tolist(), strict=True)
            changes.append(
                np.concatenate(
                    [integers(*one, n=256) ^ integers(*other, n=256) for one, other in both]
                )
            )
    fractions = np.array([bits(change).mean(axis=0) for change in changes])
    # Counters that differ in one bit are in pairs: half of the draws count.
    count = n // 2 if what == "counter" else n
    assert np.abs(fractions - 0.5).max() * 2 * np.sqrt(count) < NORMAL_5


def test_numbers_are_in_0_to_1_and_near_both_ends():
    draw = program(1 << 22)(tf.constant([1, 0], tf.int64)).numpy()
    assert draw.dtype == np.float32
    assert 0 <= draw.min() < 1e-6
    assert 1 - 1e-6 < draw.max() < 1


def test_layers_of_a_model_have_different_seeds():
    """20 layers with one global seed: no two share a seed or a mask."""
    keras.utils.set_random_seed(0)
    dropouts = [layers.Dropout(0.5) for _ in range(20)]
    states = {tuple(layer.seed_generator.state.numpy()) for layer in dropouts}
    assert len(states) == 20
    masks = np.array([layer(np.ones((1, 512)), training=True)[0] > 0 for layer in dropouts])
    agree = (masks.astype(float) * 2 - 1) @ (masks.astype(float) * 2 - 1).T / 512
    assert np.abs(agree - np.eye(20)).max() * np.sqrt(512) < NORMAL_5


def test_normal_numbers_are_normal_under_xla():
    generator = keras.random.SeedGenerator(3)
    draw = tf.function(lambda: ops.random_normal((100, 1000), generator), jit_compile=True)
    numbers = draw().numpy()
    assert stats.kstest(numbers.ravel(), "norm").pvalue > 1e-3
    eager = ops.random_normal((100, 1000), keras.random.SeedGenerator(3))
    np.testing.assert_allclose(numbers, eager.numpy(), atol=1e-6)
