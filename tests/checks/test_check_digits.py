"""Which columns lose what they vary by when they are cast to float32."""

import numpy as np
import pytest

from kerasnn import _checks

RNG = np.random.default_rng(0)
ROWS = 600
NOW = 1_700_000_000

LOST = {
    "seconds within a minute": NOW + RNG.uniform(0, 60, ROWS),
    "seconds within an hour": NOW + RNG.uniform(0, 3600, ROWS),
    "metres on a site": 5e6 + RNG.uniform(-10, 10, ROWS),
    "numbers of 12 digits": 10**11 + RNG.integers(0, 10**6, ROWS),
    "the same as floats": 1e11 + RNG.integers(0, 10**6, ROWS),
    "numbers of 18 digits": 10**17 + np.arange(ROWS),
    "the largest unsigned integers": np.uint64(2**64 - 1) - np.arange(9, dtype="uint64"),
    "two numbers": np.where(np.arange(ROWS) % 2, 1e10 + 1, 1e10 + 2),
    "zeros that stand for missing seconds": np.where(
        np.arange(ROWS) % 50, NOW + RNG.integers(0, 60, ROWS), 0
    ),
    "a pressure that hardly changes": 101_325 + RNG.normal(size=ROWS) * 1e-4,
}
KEPT = {
    "seconds within a day": NOW + RNG.uniform(0, 86_400, ROWS),
    "seconds within a year": NOW + RNG.uniform(0, 3e7, ROWS),
    "a second after the other for a month": NOW + np.arange(0, 2_600_000),
    "metres in a town": 5e6 + RNG.uniform(-1000, 1000, ROWS),
    "two days as numbers": 20_200_101 + np.arange(ROWS) % 2,
    "a large offset": 1e6 + RNG.normal(size=ROWS),
    "normal": RNG.normal(size=ROWS),
    "many numbers between 0 and 1": RNG.uniform(size=1_000_000),
    "probabilities near 0 and 1": 1 / (1 + np.exp(-RNG.normal(0, 20, ROWS))),
    "of all sizes": np.exp(RNG.normal(0, 10, ROWS)),
    "hashes": RNG.integers(0, 2**63 - 1, ROWS),
    "cents": RNG.integers(0, 10**10, ROWS),
    "small integers": RNG.integers(0, 9, ROWS),
    "a constant": np.full(ROWS, NOW + 1.0),
    "a constant of 18 digits": np.full(ROWS, 123_456_789_012_345_678),
    "a constant but for roundoff": 0.1 + 0.2 + RNG.integers(-2, 3, ROWS) * 1e-16,
    "float32 already": (NOW + RNG.uniform(0, 60, ROWS)).astype("float32"),
    "truth values": RNG.integers(0, 2, ROWS) > 0,
}


@pytest.mark.parametrize("column", LOST.values(), ids=LOST)
def test_lost(invalid, column):
    before, after = len(np.unique(column)), len(np.unique(column.astype("float32")))
    with invalid("x", before - after):
        _checks.digits("x", column, "float32")


@pytest.mark.parametrize("column", KEPT.values(), ids=KEPT)
def test_kept(column):
    _checks.digits("x", column, "float32")


@pytest.mark.parametrize("shape", [(ROWS, 3), (ROWS // 4, 4, 3)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_the_column_is_named(invalid, shape, order):
    x = RNG.normal(size=shape)
    _checks.digits("x", np.asarray(x, order=order), "float32")
    x[..., 1] += 1e9
    with invalid("x"):
        _checks.digits("x", np.asarray(x, order=order), "float32")


def test_a_doubt_that_few_rows_raise_is_settled_by_all():
    """Of 100,000 rows every 196th is looked at first; these alone lie close together."""
    x = NOW + RNG.uniform(0, 3e7, 100_000)
    x[::196] = NOW + RNG.uniform(0, 60, len(x[::196]))
    x = x[:, None].repeat(64, axis=1)
    _checks.digits("x", x, "float32")


def test_float64_keeps_more(invalid):
    for column in LOST.values():
        if np.abs(column.astype("float64")).max() < 2**53:
            _checks.digits("x", column, "float64")
    with invalid("x"):
        _checks.digits("x", LOST["numbers of 18 digits"], "float64")
