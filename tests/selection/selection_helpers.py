"""Small data and a builder for tests of selection."""

import functools

import numpy as np

import kerasnn


def blobs(rows=60, classes=3, seed=0):
    generator = np.random.default_rng(seed)
    y = np.arange(rows) % classes
    x = generator.normal(size=(rows, 2)) + 3 * np.stack([y, y % 2], axis=1)
    return x.astype("float32"), y


build = functools.partial(
    kerasnn.models.mlp, 2, 3, task="multiclass", hidden=(4,), learning_rate=0.05
)
