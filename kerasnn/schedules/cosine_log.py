"""Cosine cycles whose length doubles."""

import math
from typing import Any

import keras
import tensorflow as tf
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
        steps: Total number of steps; afterwards the rate stays at 0. None is the number of steps of
            each training by `kerasnn.fit`, which sets it at its start: all epochs, also those that
            early stopping leaves out. Before, and in the `fit` of Keras's own classes, the
            rate is `max_lr` then.
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
    def __init__(self, max_lr: float, *, steps: int | None = None, cycles: int = 4) -> None:
        _checks.number("max_lr", max_lr, above=0)
        if steps is not None:
            _checks.integer("steps", steps)
        _checks.integer("cycles", cycles)
        if cycles > 20:
            raise _checks.InvalidArgument("cycles", "be at most 20", cycles)
        self.max_lr = max_lr
        self.steps = steps
        self.cycles = cycles
        # Variables, so that a compiled program serves several trainings. 0 is no training yet.
        self._length = tf.Variable(tf.constant(steps or 0, tf.int64), trainable=False)
        self._start = tf.Variable(tf.constant(0, tf.int64), trainable=False)

    @property
    def lasts_as_training(self) -> bool:
        """Whether its length is that of training."""
        return self.steps is None

    @property
    def length(self) -> tuple[int, int] | None:
        """What `begin` has set: the number of steps, and the start; None where that is constant."""
        return (int(self._length), int(self._start)) if self.lasts_as_training else None

    def begin(self, steps: int, start: int) -> None:
        """Takes the length of a training, unless `steps` was given."""
        if self.lasts_as_training:
            self._length.assign(steps)
            self._start.assign(start)

    def at(self, step: Any) -> Any:
        """Returns the rates at steps."""
        if self.steps is not None:
            return self._rate(step, self.steps)
        length: Any = ops.convert_to_tensor(self._length)
        begun: Any = ops.cast(self._start, step.dtype)
        rate = self._rate(step - begun, ops.maximum(length, 1))
        return ops.where(length > 0, rate, self.max_lr)

    def _rate(self, step: Any, steps: Any) -> Any:
        remaining: Any = ops.cast(ops.maximum(ops.cast(steps, step.dtype) - step, 0), "float32")
        # As a part of what remains, so that the end is at 0 exactly.
        part: Any = 1 - remaining / ops.cast(steps, "float32")
        octave: Any = ops.log2(1 + (2.0**self.cycles - 1) * part)
        wave: Any = ops.cos(2 * math.pi * octave)
        return self.max_lr * (1 - wave) / 2
