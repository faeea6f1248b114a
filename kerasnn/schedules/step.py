"""Step decay."""

from typing import Any

import keras
from keras import ops

from kerasnn import _checks
from kerasnn.schedules.schedule import Schedule


@keras.saving.register_keras_serializable("kerasnn")
class Step(Schedule):
    """Multiplies the rate by `drop` every `every` steps.

    Forward: r(t) = initial * drop ** floor(t / every)

    Args:
        initial: The first rate.
        drop: Factor at each drop, in (0, 1].
        every: Number of steps between drops.

    Raises:
        InvalidArgument: If an argument is out of its range.
        TypeError: If an argument is unknown.

    Example:
        >>> Step(0.8, drop=0.5, every=2).values(6)
        array([0.8, 0.8, 0.4, 0.4, 0.2, 0.2], dtype=float32)
    """

    @_checks.known_arguments
    def __init__(self, initial: float, *, drop: float = 0.5, every: int = 10) -> None:
        _checks.number("initial", initial, above=0)
        _checks.number("drop", drop, above=0, at_most=1)
        _checks.integer("every", every)
        self.initial = initial
        self.drop = drop
        self.every = every

    def at(self, step: Any) -> Any:
        """Returns the rates at steps."""
        # In integers: XLA divides floats by multiplying with the inverse, and may fall short of 1.
        whole: Any = ops.cast(step, "int64")
        factor: Any = ops.power(self.drop, ops.cast(whole // self.every, "float32"))
        return self.initial * factor
