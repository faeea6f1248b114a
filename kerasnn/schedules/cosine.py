"""Cosine decay, with warm-up and restarts."""

import math
from typing import Any

import keras
from keras import ops

from kerasnn import _checks
from kerasnn.schedules.schedule import Schedule


@keras.saving.register_keras_serializable("kerasnn")
class Cosine(Schedule):
    """Lowers the rate from `initial` to `final` along half a cosine, `restarts` + 1 times.

    Forward, with w = warmup_steps and p = (t - w) / (steps - w) * (restarts + 1):

    | steps          | r(t)                                                             |
    |----------------|------------------------------------------------------------------|
    | t < w          | initial * (t + 1) / (w + 1)                                      |
    | w <= t < steps | final + (initial - final) * (1 + cos(pi * (p - floor(p)))) / 2   |
    | t >= steps     | final                                                            |

    Args:
        initial: The highest rate, after the warm-up and after each restart.
        final: The last rate, at least 0 and at most `initial`.
        steps: Total number of steps, warm-up included.
        warmup_steps: Number of steps in which the rate rises to `initial`.
        restarts: Number of times that the rate returns to `initial`.

    Raises:
        InvalidArgument: If an argument is out of its range.
        TypeError: If an argument is unknown.

    Example:
        >>> Cosine(1.0, steps=4).values(5).round(2)
        array([1.  , 0.85, 0.5 , 0.15, 0.  ], dtype=float32)

    Reference:
        Loshchilov & Hutter (2017), arXiv:1608.03983. Warm-up: Goyal et al. (2017),
        arXiv:1706.02677.
    """

    @_checks.known_arguments
    def __init__(
        self,
        initial: float,
        final: float = 0.0,
        *,
        steps: int,
        warmup_steps: int = 0,
        restarts: int = 0,
    ) -> None:
        _checks.number("initial", initial, above=0)
        _checks.number("final", final, at_least=0, at_most=initial)
        _checks.integer("steps", steps)
        _checks.integer("warmup_steps", warmup_steps, at_least=0)
        _checks.integer("restarts", restarts, at_least=0)
        if warmup_steps >= steps:
            rule = f"be below steps={steps}, which include it"
            raise _checks.InvalidArgument("warmup_steps", rule, warmup_steps)
        if restarts >= steps - warmup_steps:
            rule = f"be below {steps - warmup_steps}, the steps after the warm-up"
            hint = "Each cycle needs a step: use more `steps`."
            raise _checks.InvalidArgument("restarts", rule, restarts, hint)
        self.initial = initial
        self.final = final
        self.steps = steps
        self.warmup_steps = warmup_steps
        self.restarts = restarts

    def at(self, step: Any) -> Any:
        """Returns the rates at steps."""
        warm: Any = ops.cast(step + 1, "float32")
        warm = self.initial * warm / (self.warmup_steps + 1)
        # In integers, so that each restart is at its step exactly.
        position = (step - self.warmup_steps) * (self.restarts + 1)
        part: Any = ops.mod(position, self.steps - self.warmup_steps)
        part = ops.cast(part, "float32")
        wave: Any = ops.cos(math.pi * part / (self.steps - self.warmup_steps))
        wave = self.final + (self.initial - self.final) * (1 + wave) / 2
        fallen = ops.where(step < self.steps, wave, self.final)
        return ops.where(step < self.warmup_steps, warm, fallen)
