"""A table that says how to make each builder's network, and targets for it."""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
import pytest

from kerasnn import models

ROWS = 12


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@dataclasses.dataclass
class Case:
    """A builder with its small arguments, and inputs for `ROWS` rows."""

    build: Callable
    x: object
    # Targets of one row, without the last axis.
    rows: tuple = ()
    # Kernels that `l1` and `l2` are to penalise, by layer.
    kernels: tuple = ()


CASES = {
    "mlp": Case(
        functools.partial(models.mlp, 4, hidden=(8, 5)),
        normal(ROWS, 4),
        kernels=("hidden_1", "hidden_2", "output"),
    ),
    "cnn": Case(
        functools.partial(
            models.cnn, (6, 6, 2), filters=(2, 3), convolutions=2, hidden=(4,), dropout=0.0
        ),
        normal(ROWS, 6, 6, 2),
        kernels=(
            *("block1_conv1", "block1_conv2", "block2_conv1", "block2_conv2"),
            *("hidden_1", "output"),
        ),
    ),
    "rnn": Case(
        functools.partial(models.rnn, (None, 3), units=(4, 2), cell="simple"),
        normal(ROWS, 5, 3),
        kernels=("simple_1", "simple_2", "output"),
    ),
    "graph_network": Case(
        functools.partial(models.graph_network, 3, units=(4, 2)),
        {"features": normal(ROWS, 5, 3), "adjacency": np.ones((ROWS, 5, 5), "float32")},
        rows=(5,),
        kernels=("hidden_1", "hidden_2", "output"),
    ),
}
OUTPUTS = {"binary": 1, "multiclass": 3, "multilabel": 2, "regression": 2, "count": 1}
WANTED = {
    # task: activation, loss, metric
    "binary": ("sigmoid", "binary_crossentropy", "accuracy"),
    "multiclass": ("softmax", "sparse_categorical_crossentropy", "accuracy"),
    "multilabel": ("sigmoid", "binary_crossentropy", "binary_accuracy"),
    "regression": ("linear", "mean_squared_error", "mean_absolute_error"),
    "count": ("exponential", "poisson", "mean_absolute_error"),
}

each = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
each_task = pytest.mark.parametrize("task", OUTPUTS)


def targets(case, task):
    """Targets that suit a task."""
    shape, rng = (ROWS, *case.rows), np.random.default_rng(1)
    return {
        "binary": rng.integers(0, 2, size=(*shape, 1)),
        "multiclass": rng.integers(0, 3, size=shape),
        "multilabel": rng.integers(0, 2, size=(*shape, 2)),
        "regression": rng.normal(100, 20, size=(*shape, 2)),
        "count": rng.poisson(3, size=(*shape, 1)),
    }[task]


def kernels(model):
    return [w.numpy() for w in model.trainable_weights if w.name.endswith("kernel")]
