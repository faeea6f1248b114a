"""Exponential decay."""

from typing import Any

import keras
from keras import ops

from kerasnn import _checks
from kerasnn.schedules.schedule import Schedule


@keras.saving.register_keras_serializable("kerasnn")
class Exponential(Schedule):
    """Multiplies the rate by `rate` every `every` steps, continuously.

    Forward: r(t) = initial * rate ** (t / every)

    Args:
        initial: The first rate.
        rate: Factor per `every` steps, in (0, 1].
        every: Number of steps to which `rate` refers.

    Raises:
        InvalidArgument: If an argument is out of its range.
        TypeError: If an argument is unknown.

    Example:
        >>> Exponential(1.0, rate=0.5).values(4)
        array([1.   , 0.5  , 0.25 , 0.125], dtype=float32)
    """

    @_checks.known_arguments
    def __init__(self, initial: float, *, rate: float, every: int = 1) -> None:
        _checks.number("initial", initial, above=0)
        _checks.number("rate", rate, above=0, at_most=1)
        _checks.integer("every", every)
        self.initial = initial
        self.rate = rate
        self.every = every

    def at(self, step: Any) -> Any:
        """Returns the rates at steps."""
        step = ops.cast(step, "float32")
        factor: Any = ops.power(self.rate, step / self.every)
        return self.initial * factor
