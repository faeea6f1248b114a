"""Promises of every dropout layer: expectation, rate, independence, repetition, identity."""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np
import pytest

from kerasnn import layers, ops

ROWS = 10_000
RATE = 0.3


def mean_of_concrete(rate=RATE, temperature=0.1):
    """The expectation of 1 - z by the midpoint rule."""
    u = (np.arange(1_000_000) + 0.5) / 1_000_000
    odds = np.log(rate / (1 - rate)) + np.log(u / (1 - u))
    return (1 / (1 + np.exp(odds / temperature))).mean()


def fraction_under_blocks(rate=RATE, block=2, side=4):
    """The fraction that blocks cover: 1 - (1 - gamma)^n where n blocks can cover a pixel."""
    starts = side - block + 1
    gamma = rate / block**2 * side**2 / starts**2
    i = np.arange(side)
    ways = np.minimum(i, starts - 1) - np.maximum(i - block + 1, 0) + 1
    return (1 - (1 - gamma) ** np.outer(ways, ways)).mean()


@dataclasses.dataclass
class Case:
    """A layer at a rate, rows that it treats independently, and its promises for ones."""

    make: Callable[..., keras.layers.Layer]
    sides: tuple[int, ...] = (1,)
    expectation: float = 1
    dropped: Callable[[np.ndarray], np.ndarray] = lambda y: y == 0
    rate: float = RATE


def drop_connect(rate, **kwargs):
    return layers.DropConnect(1, rate, kernel_initializer="ones", use_bias=False, **kwargs)


CASES = {
    # At x = 0 the dropped fraction is below the mean, and the rest above: the mean stays 0.
    "AlphaDropout": Case(layers.AlphaDropout, expectation=0, dropped=lambda y: y < 0),
    "ConcreteDropout": Case(
        layers.ConcreteDropout,
        expectation=mean_of_concrete() / (1 - RATE),
        dropped=lambda y: y < 0.5 / (1 - RATE),
    ),
    "DropBlock": Case(
        lambda rate, **kwargs: layers.DropBlock(rate, 2, **kwargs),
        (4, 4, 1),
        rate=fraction_under_blocks(),
    ),
    "DropConnect": Case(drop_connect),
    "DropPath": Case(layers.DropPath, (2, 3)),
    "Dropout": Case(layers.Dropout),
    # The noise is below 1 half of the time.
    "GaussianDropout": Case(layers.GaussianDropout, dropped=lambda y: y < 1, rate=0.5),
    "SpatialDropout": Case(layers.SpatialDropout, (2, 2, 1)),
}
each = pytest.mark.parametrize("case", [pytest.param(case, id=n) for n, case in CASES.items()])


def inputs(case, rows=ROWS):
    return np.full((rows, *case.sides), float(case.expectation != 0), "float32")


def draws(layer, case, count=1):
    return [
        np.asarray(keras.ops.convert_to_numpy(layer(inputs(case), training=True)))
        for _ in range(count)
    ]


def standard_errors(values, expected):
    """Distance of the mean over rows from the expected one, in standard errors."""
    rows = values.reshape(len(values), -1).mean(axis=1)
    return abs(rows.mean() - expected) / (rows.std() / np.sqrt(len(rows)) + 1e-7)


def test_the_table_is_complete():
    assert set(CASES) == {name for name in dir(layers) if "Drop" in name}


@each
def test_expectation_rate_and_independence_over_10_000_draws(case):
    layer = case.make(RATE, seed=1)
    first, second = draws(layer, case, 2)
    assert standard_errors(first, case.expectation) < 4
    assert standard_errors(case.dropped(first).astype(float), case.rate) < 4
    [other] = draws(case.make(RATE, seed=2), case)
    one = first.reshape(ROWS, -1)[:, 0]
    for another in (second, other, np.roll(first, 1, axis=0)):
        two = another.reshape(ROWS, -1)[:, 0]
        assert abs(np.corrcoef(one, two)[0, 1]) < 4 / np.sqrt(ROWS)
    np.testing.assert_array_equal(draws(case.make(RATE, seed=1), case, 2), [first, second])


@each
def test_without_a_seed_two_layers_differ_and_the_global_seed_repeats(case):
    runs = []
    for _ in range(2):
        keras.utils.set_random_seed(5)
        runs.append([draws(case.make(RATE), case)[0] for _ in range(2)])
    np.testing.assert_array_equal(runs[0], runs[1])
    assert (runs[0][0] != runs[0][1]).any()


@each
def test_inference_is_the_identity_and_draws_nothing(case):
    layer = case.make(RATE, seed=1)
    x = np.random.default_rng(0).normal(size=(6, *case.sides)).astype("float32")
    np.testing.assert_array_equal(layer(x).numpy(), x)
    np.testing.assert_array_equal(layer(x, training=False).numpy(), x)
    np.testing.assert_array_equal(draws(layer, case), draws(case.make(RATE, seed=1), case))


@pytest.mark.parametrize("name", sorted(set(CASES) - {"ConcreteDropout"}))
def test_a_rate_of_0_is_the_identity(name):
    case = CASES[name]
    x = np.random.default_rng(0).normal(size=(6, *case.sides)).astype("float32")
    np.testing.assert_array_equal(case.make(0)(x, training=True).numpy(), x)
    assert not case.make(0).variables or name == "DropConnect"


def test_a_learned_rate_cannot_start_at_0(invalid):
    with invalid("initial_rate", value=0) as caught:
        layers.ConcreteDropout(0)
    assert "could not change" in caught.value.hint


@pytest.mark.parametrize("sides", [(3,), (3, 2), (3, 2, 2, 2)])
@pytest.mark.parametrize(
    ("make", "shared"),
    [(layers.DropPath, slice(1, None)), (layers.SpatialDropout, slice(1, -1))],
    ids=["DropPath", "SpatialDropout"],
)
def test_masks_that_are_shared_over_axes(make, shared, sides):
    """Of examples, and of the channels of each example."""
    shape = (8, *sides)
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    drawn = list(shape)
    drawn[shared] = [1] * len(drawn[shared])
    generator = keras.random.SeedGenerator(3)
    # The same numbers in the same order, whether or not axes of size 1 are there.
    kept = ops.random_uniform(drawn, generator).numpy() >= 0.4
    y = make(0.4, seed=3)(x, training=True)
    np.testing.assert_allclose(y, x * kept / 0.6, rtol=1e-5)
    assert 0 < kept.mean() < 1


@pytest.mark.parametrize("sides", [(3,), (3, 2, 2)])
def test_gaussian_noise_by_hand(sides):
    x = np.random.default_rng(0).normal(size=(8, *sides)).astype("float32")
    u, v = ops.random_uniform((2, *x.shape), keras.random.SeedGenerator(3)).numpy().astype(float)
    noise = np.sqrt(-2 * np.log(1 - u)) * np.cos(2 * np.pi * v)
    y = layers.GaussianDropout(0.2, seed=3)(x, training=True)
    np.testing.assert_allclose(y, x * (1 + 0.5 * noise), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rate", [0.1, 0.9])
def test_the_variance_of_gaussian_noise_is_that_of_dropout(rate):
    ones = np.ones((10_000, 1), "float32")
    y = layers.GaussianDropout(rate, seed=1)(ones, training=True).numpy()
    squares = (y - 1) ** 2
    assert abs(squares.mean() - rate / (1 - rate)) < 4 * squares.std() / 100
