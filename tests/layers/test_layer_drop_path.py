"""DropPath: examples that skip a branch."""

import keras
import numpy as np
import pytest

from kerasnn import ops
from kerasnn.layers import DropPath


@pytest.mark.parametrize("sides", [(3,), (3, 2), (3, 2, 2), (3, 2, 2, 2)])
def test_the_value_by_hand(sides):
    x = np.random.default_rng(0).normal(size=(8, *sides)).astype("float32")
    generator = keras.random.SeedGenerator(3)
    kept = ops.random_uniform((8,), generator).numpy() >= 0.4
    y = DropPath(0.4, seed=3)(x, training=True).numpy()
    np.testing.assert_allclose(y.T, (x.T * kept / 0.6), rtol=1e-5)
    assert 0 < kept.sum() < 8
