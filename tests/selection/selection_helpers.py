"""Small problems, and a count of traces."""

import functools

import numpy as np

import kerasnn
from kerasnn.training.programs import array_program


def blobs(rows=60, classes=3, seed=0):
    generator = np.random.default_rng(seed)
    y = np.arange(rows) % classes
    x = generator.normal(size=(rows, 2)) + 3 * np.stack([y, y % 2], axis=1)
    return x.astype("float32"), y


build = functools.partial(
    kerasnn.models.mlp, 2, 3, task="multiclass", hidden=(4,), learning_rate=0.05
)


def count_traces(monkeypatch):
    """Returns a list that grows with every program that is traced."""
    traces, make = [], array_program.ArrayProgram.__init__

    def counted(self, *args, **kwargs):
        traces.append(args)
        make(self, *args, **kwargs)

    monkeypatch.setattr(array_program.ArrayProgram, "__init__", counted)
    return traces
