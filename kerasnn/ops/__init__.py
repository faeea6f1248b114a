"""Tensor operations that Keras lacks, or that are slow in Keras."""

from kerasnn.ops.random_normal import random_normal
from kerasnn.ops.random_uniform import random_uniform

__all__ = [
    "random_normal",
    "random_uniform",
]


def __dir__() -> list[str]:
    return sorted(__all__)
