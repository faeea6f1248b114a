"""SpatialDropout: whole channels, whatever lies between batch and channels."""

import keras
import numpy as np
import pytest

from kerasnn import ops
from kerasnn.layers import SpatialDropout


@pytest.mark.parametrize("sides", [(), (3,), (3, 2), (3, 2, 4)])
def test_the_value_by_hand(sides):
    x = np.random.default_rng(0).normal(size=(6, *sides, 5)).astype("float32")
    kept = ops.random_uniform((6, 5), keras.random.SeedGenerator(3)).numpy() >= 0.4
    spread = kept.reshape(6, *[1] * len(sides), 5)
    y = SpatialDropout(0.4, seed=3)(x, training=True)
    np.testing.assert_allclose(y, x * spread / 0.6, rtol=1e-5)
