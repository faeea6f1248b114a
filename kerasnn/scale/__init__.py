"""Training by several processes, on one machine or on many."""

from kerasnn.scale.fit import fit

__all__ = ["fit"]


def __dir__() -> list[str]:
    return sorted(__all__)
