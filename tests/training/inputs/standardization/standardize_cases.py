"""Rows and models of the tests in which a first layer learns mean and variance."""

import numpy as np

import kerasnn

ROWS = 40
RNG = np.random.default_rng(0)
X = (RNG.normal(size=(ROWS, 3)) * [1.0, 50.0, 0.01] + [0.0, 1000.0, 7.0]).astype("float32")
# The last rows differ, so that statistics which have seen them differ too.
X[30:] += 100
Y = X @ [1.0, 0.1, 3.0] + 20
BITS = np.arange(ROWS) % 2


def classifier():
    return kerasnn.models.mlp(3, task="binary", hidden=(2,), seed=0)


def regressor():
    return kerasnn.models.mlp(3, task="regression", hidden=(2,), seed=0)
