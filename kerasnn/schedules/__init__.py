"""Learning-rate schedules; each is an ordinary Keras schedule."""

from kerasnn.schedules.cosine import Cosine
from kerasnn.schedules.cosine_log import CosineLog
from kerasnn.schedules.exponential import Exponential
from kerasnn.schedules.inverse_time import InverseTime
from kerasnn.schedules.one_cycle import OneCycle
from kerasnn.schedules.polynomial import Polynomial
from kerasnn.schedules.step import Step

__all__ = [
    "Cosine",
    "CosineLog",
    "Exponential",
    "InverseTime",
    "OneCycle",
    "Polynomial",
    "Step",
]


def __dir__() -> list[str]:
    return sorted(__all__)
