"""Cosine cycles whose length doubles."""

import math
from typing import Any

import keras
from keras import ops

from kerasnn import _checks
from kerasnn.schedules.schedule import Schedule


@keras.saving.register_keras_serializable("kerasnn")
class CosineLog(Schedule):
    """Raises the rate from 0 to `max_lr` and lowers it to 0, in cycles whose length doubles.

    Forward: r(t) = max_lr * (1 - cos(2 pi log2(1 + (2**cycles - 1) min(t / steps, 1)))) / 2

    Of four cycles the first takes 1/15 of the steps, and the last 8/15. The rate is low several
    times on the way, where validation finds good weights early; and 0 at the first step and at the
    end.

    Args:
        max_lr: The highest rate.
        steps: Total number of steps; afterwards the rate stays at 0.
        cycles: Number of cycles.

    Raises:
        InvalidArgument: If an argument is out of its range.
        TypeError: If an argument is unknown.

    Example:
        >>> CosineLog(1.0, steps=6, cycles=2).values(7).round(2)
        array([0.  , 0.93, 0.  , 0.72, 0.93, 0.32, 0.  ], dtype=float32)

    Reference:
        Holzmueller, Grinsztajn & Steinwart (2024), arXiv:2407.04491.
    """

    @_checks.known_arguments
    def __init__(self, max_lr: float, *, steps: int, cycles: int = 4) -> None:
        _checks.number("max_lr", max_lr, above=0)
        _checks.integer("steps", steps)
        _checks.integer("cycles", cycles)
        if cycles > 20:
            raise _checks.InvalidArgument("cycles", "be at most 20", cycles)
        self.max_lr = max_lr
        self.steps = steps
        self.cycles = cycles

    def at(self, step: Any) -> Any:
        """Returns the rates at steps."""
        remaining: Any = ops.cast(ops.maximum(self.steps - step, 0), "float32")
        # As a part of what remains, so that the end is at 0 exactly.
        part: Any = 1 - remaining / self.steps
        octave: Any = ops.log2(1 + (2.0**self.cycles - 1) * part)
        wave: Any = ops.cos(2 * math.pi * octave)
        return self.max_lr * (1 - wave) / 2
