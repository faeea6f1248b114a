"""Decay with the inverse of time."""

from typing import Any

import keras
from keras import ops

from kerasnn import _checks
from kerasnn.schedules.schedule import Schedule


@keras.saving.register_keras_serializable("kerasnn")
class InverseTime(Schedule):
    """Divides the rate by a number that grows linearly.

    Forward: r(t) = initial / (1 + rate * t / every)

    The sum of the rates is infinite and the sum of their squares finite: the conditions under
    which stochastic gradient descent converges.

    Args:
        initial: The first rate.
        rate: Growth of the divisor in `every` steps, at least 0.
        every: Number of steps to which `rate` refers.

    Raises:
        InvalidArgument: If an argument is out of its range.
        TypeError: If an argument is unknown.

    Example:
        >>> InverseTime(1.0, rate=1.0).values(4)
        array([1.        , 0.5       , 0.33333334, 0.25      ], dtype=float32)

    Reference:
        Robbins & Monro (1951), doi:10.1214/aoms/1177729586.
    """

    @_checks.known_arguments
    def __init__(self, initial: float, *, rate: float, every: int = 1) -> None:
        _checks.number("initial", initial, above=0)
        _checks.number("rate", rate, at_least=0)
        _checks.integer("every", every)
        self.initial = initial
        self.rate = rate
        self.every = every

    def at(self, step: Any) -> Any:
        """Returns the rates at steps."""
        step = ops.cast(step, "float32")
        return self.initial / (1.0 + self.rate * step / self.every)
