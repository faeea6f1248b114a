"""Training by several processes, on one machine or on many."""

from kerasnn.scale.fit import fit
from kerasnn.scale.strategy import strategy

__all__ = ["fit", "strategy"]


def __dir__() -> list[str]:
    return sorted(__all__)
