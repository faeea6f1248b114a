"""What every dropout layer keeps: expectation, rate, independence, repetition, identity."""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np
import pytest

from kerasnn import layers

ROWS = 10_000
RATE = 0.3


def softened_coin(rate=RATE, temperature=0.1):
    """The expectation of 1 - z by the midpoint rule."""
    u = (np.arange(1_000_000) + 0.5) / 1_000_000
    odds = np.log(rate / (1 - rate)) + np.log(u / (1 - u))
    return (1 / (1 + np.exp(odds / temperature))).mean()


def share_under_blocks(rate=RATE, block=2, side=4):
    """The share that blocks cover: 1 - (1 - gamma)^n where n blocks can cover a pixel."""
    starts = side - block + 1
    gamma = rate / block**2 * side**2 / starts**2
    i = np.arange(side)
    ways = np.minimum(i, starts - 1) - np.maximum(i - block + 1, 0) + 1
    return (1 - (1 - gamma) ** np.outer(ways, ways)).mean()


@dataclasses.dataclass
class Case:
    """A layer at a rate, rows that it treats independently, and what it promises for ones."""

    make: Callable[..., keras.layers.Layer]
    sides: tuple[int, ...] = (1,)
    expectation: float = 1
    dropped: Callable[[np.ndarray], np.ndarray] = lambda y: y == 0
    rate: float = RATE


def drop_connect(rate, **kwargs):
    return layers.DropConnect(1, rate, kernel_initializer="ones", use_bias=False, **kwargs)


CASES = {
    # At x = 0 the share dropped goes below the mean, and the rest above: the mean stays 0.
    "AlphaDropout": Case(layers.AlphaDropout, expectation=0, dropped=lambda y: y < 0),
    "ConcreteDropout": Case(
        layers.ConcreteDropout,
        expectation=softened_coin() / (1 - RATE),
        dropped=lambda y: y < 0.5 / (1 - RATE),
    ),
    "DropBlock": Case(
        lambda rate, **kwargs: layers.DropBlock(rate, 2, **kwargs),
        (4, 4, 1),
        rate=share_under_blocks(),
    ),
    "DropConnect": Case(drop_connect),
    "DropPath": Case(layers.DropPath, (2, 3)),
    "Dropout": Case(layers.Dropout),
    # The noise is below 1 half of the time, and its variance is tested beside it.
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
    """How many standard errors the mean over rows lies from what is expected."""
    rows = values.reshape(len(values), -1).mean(axis=1)
    return abs(rows.mean() - expected) / (rows.std() / np.sqrt(len(rows)) + 1e-7)


def test_every_dropout_layer_is_here():
    known = {name for name in dir(layers) if "Drop" in name}
    assert set(CASES) == known


@each
def test_expectation_and_rate_over_10_000_draws(case):
    [y] = draws(case.make(RATE, seed=1), case)
    assert standard_errors(y, case.expectation) < 4
    assert standard_errors(case.dropped(y).astype(float), case.rate) < 4


@each
def test_layers_and_steps_draw_independently(case):
    first, second = draws(case.make(RATE, seed=1), case, 2)
    [other] = draws(case.make(RATE, seed=2), case)
    one = first.reshape(ROWS, -1)[:, 0]
    for another in (second, other, np.roll(first, 1, axis=0)):
        two = another.reshape(ROWS, -1)[:, 0]
        assert abs(np.corrcoef(one, two)[0, 1]) < 4 / np.sqrt(ROWS)


@each
def test_without_a_seed_two_layers_differ_and_the_global_seed_repeats(case):
    runs = []
    for _ in range(2):
        keras.utils.set_random_seed(5)
        runs.append([draws(case.make(RATE), case)[0] for _ in range(2)])
    np.testing.assert_array_equal(runs[0], runs[1])
    assert (runs[0][0] != runs[0][1]).any()


@each
def test_the_same_seed_repeats(case):
    one, same = (draws(case.make(RATE, seed=4), case, 3) for _ in range(2))
    np.testing.assert_array_equal(one, same)


@each
def test_inference_is_the_identity_and_draws_nothing(case):
    layer = case.make(RATE, seed=1)
    x = np.random.default_rng(0).normal(size=(6, *case.sides)).astype("float32")
    np.testing.assert_array_equal(layer(x).numpy(), x)
    np.testing.assert_array_equal(layer(x, training=False).numpy(), x)
    np.testing.assert_array_equal(draws(layer, case), draws(case.make(RATE, seed=1), case))


@each
def test_a_rate_of_0_is_the_identity(case):
    if case.make is layers.ConcreteDropout:
        message = (
            "`initial_rate` must be a finite number above 0 and below 1; got initial_rate=0. A "
            "rate of exactly 0 or 1 could not be learned away from."
        )
        with pytest.raises(ValueError, match=message):
            case.make(0)
        return
    x = np.random.default_rng(0).normal(size=(6, *case.sides)).astype("float32")
    np.testing.assert_array_equal(case.make(0)(x, training=True).numpy(), x)
    assert not case.make(0).variables or case.make is drop_connect


@each
def test_what_is_no_rate_or_seed(case):
    name = "initial_rate" if case.make is layers.ConcreteDropout else "rate"
    for rate in (1, -0.1, 2, float("nan"), "half", None, True):
        with pytest.raises(ValueError, match=rf"`{name}` must be .*; got {name}="):
            case.make(rate)
    for seed in (-1, 1.5, "one"):
        with pytest.raises(ValueError, match="`seed` must be a whole number of at least 0; got"):
            case.make(RATE, seed=seed)
