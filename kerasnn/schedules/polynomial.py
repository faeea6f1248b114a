"""Polynomial decay."""

from typing import Any

import keras
from keras import ops

from kerasnn import _checks
from kerasnn.schedules.schedule import Schedule


@keras.saving.register_keras_serializable("kerasnn")
class Polynomial(Schedule):
    """Changes the rate from `initial` to `final` along a power; linearly with `power=1`.

    Forward: r(t) = final + (initial - final) * (1 - min(t, steps) / steps) ** power

    Args:
        initial: The first rate.
        final: The last rate, at least 0.
        steps: Number of steps until the last rate is reached, which then stays.
        power: Exponent: above 1 the rate falls early, below 1 late.

    Raises:
        InvalidArgument: If an argument is out of its range.
        TypeError: If an argument is unknown.

    Example:
        >>> Polynomial(1.0, 0.0, steps=4).values(6)
        array([1.  , 0.75, 0.5 , 0.25, 0.  , 0.  ], dtype=float32)
    """

    @_checks.known_arguments
    def __init__(self, initial: float, final: float, *, steps: int, power: float = 1.0) -> None:
        _checks.number("initial", initial, above=0)
        _checks.number("final", final, at_least=0)
        _checks.integer("steps", steps)
        _checks.number("power", power, above=0)
        self.initial = initial
        self.final = final
        self.steps = steps
        self.power = power

    def at(self, step: Any) -> Any:
        """Returns the rates at steps."""
        # Remaining steps, which end at exactly 0; XLA's quotient of equal numbers need not be 1.
        step = ops.cast(step, "float32")
        remaining: Any = ops.maximum(self.steps - step, 0.0)
        factor: Any = ops.power(remaining / self.steps, self.power)
        return self.final + (self.initial - self.final) * factor
