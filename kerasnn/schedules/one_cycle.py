"""One cycle of the rate up and down, and of the momentum down and up."""

from typing import Any

import keras
from keras import ops

from kerasnn import _checks
from kerasnn.schedules.schedule import Schedule


@keras.saving.register_keras_serializable("kerasnn")
class OneCycle(Schedule):
    """Raises the rate in a line, lowers it as it rose, and lets it run out far below.

    Forward, with n = steps - 1, each part a line:

    | steps                      | r(t)               | momentum     |
    |----------------------------|--------------------|--------------|
    | 0 to rise * n              | `initial` to `peak`  | high to low  |
    | rise * n to 2 * rise * n   | `peak` to `initial`  | low to high  |
    | 2 * rise * n to n          | `initial` to `final` | high         |

    Momentum follows the rate in `kerasnn.optimizers.SGD` with momentum, whose own number the
    cycle then takes the place of. In Keras's optimizers momentum is a constant and stays what
    it is.

    Args:
        peak: The highest rate; what `kerasnn.lr_find` suggests is a good one.
        steps: Steps in all; afterwards the rate stays `final`.
        rise: Share of the steps in which the rate rises, and again that in which it falls, in
            (0, 0.5].
        initial: The first rate; `peak` / 25 by default.
        final: The last rate; `initial` / 10000 by default.
        momentum: The highest and the lowest momentum, (high, low).

    Raises:
        ValueError: If an argument is out of its range.
        TypeError: If an argument is unknown.

    Example:
        >>> cycle = OneCycle(1.0, steps=11, rise=0.4, initial=0.2, final=0.0)
        >>> cycle.values(11).round(2)
        array([0.2, 0.4, 0.6, 0.8, 1. , 0.8, 0.6, 0.4, 0.2, 0.1, 0. ], dtype=float32)

    Reference:
        Smith (2018), arXiv:1803.09820.
    """

    @_checks.known_arguments
    def __init__(
        self,
        peak: float,
        *,
        steps: int,
        rise: float = 0.3,
        initial: float | None = None,
        final: float | None = None,
        momentum: tuple[float, float] = (0.95, 0.85),
    ) -> None:
        _checks.number("peak", peak, above=0)
        _checks.whole_number("steps", steps, at_least=2)
        _checks.number("rise", rise, above=0, at_most=0.5)
        if initial is not None:
            _checks.number("initial", initial, above=0, below=peak)
        if final is not None:
            _checks.number("final", final, at_least=0, at_most=peak)
        if not isinstance(momentum, (tuple, list)) or len(momentum) != 2:
            raise _checks.InvalidArgument("momentum", "be a pair, (high, low)", momentum)
        _checks.number("momentum[0]", momentum[0], at_least=0, below=1)
        _checks.number("momentum[1]", momentum[1], at_least=0, at_most=momentum[0])
        self.peak = peak
        self.steps = steps
        self.rise = rise
        self.initial = initial
        self.final = final
        self.momentum = momentum

    def at(self, step: Any) -> Any:
        """Returns the rates of steps."""
        step = ops.cast(step, "float32")
        start = self._start
        end = start / 1e4 if self.final is None else self.final
        last = self.steps - 1
        top, turn = self.rise * last, 2 * self.rise * last
        away: Any = ops.abs(step - top)
        left: Any = ops.maximum(last - step, 0.0)
        # A cycle that takes all steps leaves none to run out in.
        left = left / max(last - turn, 1)
        cycle = self.peak - (self.peak - start) * away / top
        return ops.where(step < turn, cycle, end + (start - end) * left)

    def momentum_at(self, rate: Any) -> Any:
        """Returns the momentum that goes with a rate: the higher the one, the lower the other."""
        high, low = self.momentum
        risen: Any = ops.clip((rate - self._start) / (self.peak - self._start), 0.0, 1.0)
        return high - (high - low) * risen

    @property
    def _start(self) -> float:
        return self.peak / 25 if self.initial is None else self.initial
