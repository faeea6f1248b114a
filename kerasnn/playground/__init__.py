"""A page in the browser that trains real Keras models; its lessons are in `static/presets.json`."""

from kerasnn.playground import points as points
from kerasnn.playground.serve import serve as serve

__all__ = ["points", "serve"]


def __dir__() -> list[str]:
    return sorted(__all__)
