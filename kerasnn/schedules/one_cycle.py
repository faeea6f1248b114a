"""One-cycle schedule of learning rate and momentum."""

from typing import Any

import keras
from keras import ops

from kerasnn import _checks
from kerasnn.schedules.schedule import Schedule


@keras.saving.register_keras_serializable("kerasnn")
class OneCycle(Schedule):
    """Raises the rate linearly, lowers it as fast, and then reduces it to almost 0.

    Forward, with n = steps - 1 and p = pct_start, linear in each part:

    | steps            | r(t)                  | momentum     |
    |------------------|-----------------------|--------------|
    | 0 to p * n       | `initial` to `max_lr` | high to low  |
    | p * n to 2 p * n | `max_lr` to `initial` | low to high  |
    | 2 p * n to n     | `initial` to `final`  | high         |

    In `kerasnn.optimizers.SGD` with momentum, the momentum follows the cycle in place of the
    optimizer's own constant. In Keras's optimizers momentum is constant and does not change.

    Args:
        max_lr: The highest rate; the suggestion of `kerasnn.lr_find` is a good choice.
        steps: Total number of steps; afterwards the rate stays at `final`.
        pct_start: Fraction of the steps in which the rate rises, in (0, 0.5]; it falls in as
            many.
        initial: The first rate; `max_lr` / 25 by default.
        final: The last rate; `initial` / 10000 by default.
        momentum: The highest and the lowest momentum, (high, low).

    Raises:
        InvalidArgument: If an argument is out of its range.
        TypeError: If an argument is unknown.

    Example:
        >>> cycle = OneCycle(1.0, steps=11, pct_start=0.4, initial=0.2, final=0.0)
        >>> cycle.values(11).round(2)
        array([0.2, 0.4, 0.6, 0.8, 1. , 0.8, 0.6, 0.4, 0.2, 0.1, 0. ], dtype=float32)

    Reference:
        Smith (2018), arXiv:1803.09820.
    """

    @_checks.known_arguments
    def __init__(
        self,
        max_lr: float,
        *,
        steps: int,
        pct_start: float = 0.3,
        initial: float | None = None,
        final: float | None = None,
        momentum: tuple[float, float] = (0.95, 0.85),
    ) -> None:
        _checks.number("max_lr", max_lr, above=0)
        _checks.integer("steps", steps, at_least=2)
        _checks.number("pct_start", pct_start, above=0, at_most=0.5)
        if initial is not None:
            _checks.number("initial", initial, above=0, below=max_lr)
        if final is not None:
            _checks.number("final", final, at_least=0, at_most=max_lr)
        if not isinstance(momentum, (tuple, list)) or len(momentum) != 2:
            raise _checks.InvalidArgument("momentum", "be a pair, (high, low)", momentum)
        _checks.number("momentum[0]", momentum[0], at_least=0, below=1)
        _checks.number("momentum[1]", momentum[1], at_least=0, at_most=momentum[0])
        self.max_lr = max_lr
        self.steps = steps
        self.pct_start = pct_start
        self.initial = initial
        self.final = final
        self.momentum = momentum

    def at(self, step: Any) -> Any:
        """Returns the rates at steps."""
        step = ops.cast(step, "float32")
        start = self._start
        end = start / 1e4 if self.final is None else self.final
        last = self.steps - 1
        top, turn = self.pct_start * last, 2 * self.pct_start * last
        distance: Any = ops.abs(step - top)
        remaining: Any = ops.maximum(last - step, 0.0)
        # With `pct_start=0.5` no steps remain after the cycle.
        remaining = remaining / max(last - turn, 1)
        cycle = self.max_lr - (self.max_lr - start) * distance / top
        return ops.where(step < turn, cycle, end + (start - end) * remaining)

    def momentum_at(self, rate: Any) -> Any:
        """Returns the momentum at a rate: the higher the rate, the lower the momentum."""
        high, low = self.momentum
        risen: Any = ops.clip((rate - self._start) / (self.max_lr - self._start), 0.0, 1.0)
        return high - (high - low) * risen

    @property
    def _start(self) -> float:
        return self.max_lr / 25 if self.initial is None else self.initial
