"""Data sets of the playground, and the plane on which they are drawn."""

from kerasnn.playground.points.generated import load as load

__all__ = ["load"]
