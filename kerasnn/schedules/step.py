"""A rate that falls in steps."""

from typing import Any

import keras
from keras import ops

from kerasnn import _checks
from kerasnn.schedules.schedule import Schedule


@keras.saving.register_keras_serializable("kerasnn")
class Step(Schedule):
    """Multiplies the rate by `drop` after every `every` steps.

    Forward: r(t) = initial * drop ** floor(t / every)

    Args:
        initial: The first rate.
        drop: What remains of the rate at each drop, in (0, 1].
        every: Steps from one drop to the next.

    Raises:
        ValueError: If an argument is out of its range.
        TypeError: If an argument is unknown.

    Example:
        >>> Step(0.8, drop=0.5, every=2).values(6)
        array([0.8, 0.8, 0.4, 0.4, 0.2, 0.2], dtype=float32)
    """

    @_checks.known_arguments
    def __init__(self, initial: float, *, drop: float = 0.5, every: int = 10) -> None:
        _checks.number("initial", initial, above=0)
        _checks.number("drop", drop, above=0, at_most=1)
        _checks.whole_number("every", every)
        self.initial = initial
        self.drop = drop
        self.every = every

    def at(self, step: Any) -> Any:
        """Returns the rates of steps."""
        # In whole numbers: XLA divides others by a product with the inverse, and may fall short.
        whole: Any = ops.cast(step, "int64")
        left: Any = ops.power(self.drop, ops.cast(whole // self.every, "float32"))
        return self.initial * left
