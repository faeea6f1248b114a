"""Optimizers; each is an ordinary `keras.optimizers.Optimizer`."""

from kerasnn.optimizers.adamw import AdamW
from kerasnn.optimizers.sgd import SGD

__all__ = [
    "SGD",
    "AdamW",
]


def __dir__() -> list[str]:
    return sorted(__all__)
