"""DropBlock: the positions and the scale of blocks."""

import itertools

import keras
import numpy as np
import pytest

from kerasnn import ops
from kerasnn.layers import DropBlock


@pytest.mark.parametrize(
    ("sides", "block"), [((), 3), ((9,), 3), ((7, 5), 2), ((6, 6), 6), ((4, 5, 6), 3)]
)
def test_the_value_by_hand(sides, block):
    rate, x = 0.4, np.random.default_rng(0).normal(size=(3, *sides, 2)).astype("float32")
    starts = tuple(side - block + 1 for side in sides)
    gamma = rate / block ** len(sides) * np.prod(sides) / np.prod(starts)
    generator = keras.random.SeedGenerator(3)
    drawn = ops.random_uniform((3, *starts, 2), generator).numpy() < gamma
    mask = np.ones(x.shape)
    for row, *start, channel in np.argwhere(drawn):
        for offset in itertools.product(range(block), repeat=len(sides)):
            mask[(row, *(np.array(start, int) + np.array(offset, int)), channel)] = 0
    y = DropBlock(rate, block, seed=3)(x, training=True)
    np.testing.assert_allclose(y, x * mask * mask.size / mask.sum(), rtol=1e-5)


def test_outputs_are_0_if_nothing_is_kept():
    """A block as large as the map can cover it: the scale is then not 0 / 0."""
    layer = DropBlock(0.99, 2, seed=0)
    draws = [layer(np.ones((1, 2, 2, 1)), training=True).numpy() for _ in range(20)]
    assert np.isfinite(draws).all()
    assert min(map(np.max, draws)) == 0


def test_a_block_larger_than_the_input(invalid):
    with invalid("block_size"):
        DropBlock(0.1)(np.ones((1, 6, 5, 2)), training=True)
