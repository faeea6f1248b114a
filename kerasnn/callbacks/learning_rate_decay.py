"""A learning-rate schedule for a model that is compiled already."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn._core.callback import Callback
from kerasnn.callbacks._settable_rate import check_settable, inner_of
from kerasnn.schedules.schedule import Schedule

# Steps at which a schedule of the user's own is evaluated before training.
_STEPS_TRIED = 100


class LearningRateDecay(Callback):
    """Sets the learning rate by a schedule while `fit` runs, and restores it afterwards.

    The rate is logged, and stands in History as `learning_rate`. Steps and epochs count from
    the start of training: `fit(initial_epoch=5)` continues with epoch 5, and its first step. With
    `per="step"` the schedule is part of the compiled program of `kerasnn.fit`.

    No other callback may set the rate beside it; `kerasnn.fit` refuses one. Where an exception,
    such as Ctrl-C, ends training, `kerasnn.fit` restores rate and momentum. In Keras's own `fit`
    both stay as they are at that moment, as with Keras's `LearningRateScheduler`, for it notifies
    no callback: set `model.optimizer.learning_rate`, which also ends a cycle of the momentum.

    Args:
        schedule: A Keras schedule, such as those of `kerasnn.schedules`. Under a `OneCycle` the
            momentum of `kerasnn.optimizers.SGD` follows the rate.
        per: What a step of the schedule is: `"epoch"`, or `"step"`, a batch.

    Raises:
        InvalidArgument: If `schedule` is not a schedule or returns no rate for a step, if `per` is
            neither, or if the optimizer's learning rate is a schedule already.
        TypeError: If an argument is unknown.

    Example:
        >>> from kerasnn.schedules import Step
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", loss="mse")
        >>> decay = LearningRateDecay(Step(0.5, every=1))
        >>> x = y = keras.ops.ones((1, 1))
        >>> history = model.fit(x, y, epochs=3, verbose=0, callbacks=[decay])
        >>> history.history["learning_rate"]
        [0.5, 0.25, 0.125]
    """

    model: Any

    @_checks.known_arguments
    def __init__(
        self, schedule: keras.optimizers.schedules.LearningRateSchedule, per: str = "epoch"
    ) -> None:
        if not isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
            hint = "For a function of the epoch use `keras.callbacks.LearningRateScheduler`."
            raise _checks.InvalidArgument(
                "schedule", "be a Keras learning rate schedule", schedule, hint
            )
        _checks.one_of("per", per, ("epoch", "step"))
        super().__init__()
        self.schedule = schedule
        self.per = per
        # The optimizer's count of steps at the start of epoch 0.
        self._start = tf.Variable(tf.constant(0, tf.int64), trainable=False)
        self._started = False
        # The rate from before training.
        self._before: Any = None
        # Where there is nothing to trace, programs are shared with other calls of `fit`.
        self.is_traced = per == "step" or _cycles(schedule)

    def before_fit(self, model: Any, *, validates: bool, alone: bool) -> None:
        """Raises where it cannot work."""
        check_settable(self, model)
        _check_rate(self.schedule(tf.constant(0, tf.int64)), 0)
        if hasattr(model.optimizer, "optimizers"):
            raise _checks.InvalidArgument(
                "optimizer",
                "have one learning rate where `LearningRateDecay` sets it",
                type(model.optimizer).__name__,
                "Give each of its optimizers a schedule.",
            )

    def on_train_begin(self, logs: Any = None) -> None:
        """Keeps the learning rate that the optimizer has."""
        self.before_fit(self.model, validates=False, alone=False)
        self._check_steps()
        self._before = self.model.optimizer.learning_rate.numpy()
        self._started = False
        if self._start_cycle(self.model):
            # What Keras has traced has momentum for a constant.
            self.model.make_train_function(force=True)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Sets the rate of the epoch, or the step that the first epoch starts with."""
        optimizer = self.model.optimizer
        if self.per == "epoch":
            rate = self.schedule(epoch)
            _check_rate(rate, epoch)
            # Not by the setter, which would end a cycle.
            optimizer.learning_rate.assign(float(rate))
        elif not self._started:
            first = epoch * self._steps_to(epoch)
            self._start.assign(optimizer.iterations * _batches_of(optimizer) - first)
        self._started = True

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Sets the rate of a step in Keras's own loop."""
        if self.per == "step":
            if self.model.steps_per_execution > 1:
                raise _checks.InvalidArgument(
                    "steps_per_execution",
                    "be 1 in Keras's own `fit` where `LearningRateDecay` sets the rate by step",
                    self.model.steps_per_execution,
                    "Or train by `kerasnn.fit`.",
                )
            self._set_rate(self.model)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Logs the rate."""
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate.numpy())

    def on_train_end(self, logs: Any = None) -> None:
        """Restores rate and momentum."""
        self._end()

    def on_train_abort(self, error: BaseException) -> None:
        """Restores rate and momentum."""
        self._end()

    def state(self) -> dict[str, Any]:
        """Returns what the next step depends on, and the rate to restore at the end."""
        return {"start": int(self._start), "started": self._started, "before": self._before}

    def restore(self, state: dict[str, Any]) -> None:
        """Receives what `state` returned."""
        self._start.assign(state["start"])
        self._started, self._before = state["started"], state["before"]

    def before_step(self, model: Any) -> None:
        """Puts the schedule ahead of the step that is traced."""
        self._start_cycle(model)
        if self.per == "step":
            self._set_rate(model)

    def _set_rate(self, model: Any) -> None:
        optimizer = model.optimizer
        # Where several batches make a step, its rate is that of the last of them, as it is with
        # a schedule in the optimizer.
        batches = _batches_of(optimizer)
        steps = tf.cast(tf.convert_to_tensor(optimizer.iterations), tf.int64) * batches
        rate = self.schedule(steps + batches - 1 - self._start)
        optimizer.learning_rate.assign(keras.ops.cast(rate, optimizer.learning_rate.dtype))

    def _steps_to(self, epoch: int) -> int:
        """Returns the number of steps in an epoch; 0 where it makes no difference."""
        steps = (self.params or {}).get("steps")
        if epoch and steps is None:
            raise _checks.InvalidArgument(
                "initial_epoch",
                "be 0 for a stream of unknown length, whose steps by epoch are not known",
                epoch,
                "Or give a dataset with a known cardinality.",
            )
        return steps or 0

    def _check_steps(self) -> None:
        """Raises where the schedule returns no rate at one of some steps from first to last.

        In the compiled program nothing checks it.
        """
        steps, epochs = (self.params or {}).get("steps"), (self.params or {}).get("epochs")
        if self.per == "step" and steps and epochs and not isinstance(self.schedule, Schedule):
            for step in np.unique(np.linspace(0, steps * epochs - 1, _STEPS_TRIED).astype(int)):
                _check_rate(self.schedule(tf.constant(step, tf.int64)), step)

    def _start_cycle(self, model: Any) -> bool:
        """Lets the optimizer's momentum follow the schedule, where both can; returns whether."""
        inner = inner_of(model.optimizer)
        follows = _cycles(self.schedule) and getattr(inner, "momentum", 0)
        if not follows or not hasattr(inner, "cycle"):
            return False
        inner.cycle = self.schedule
        return True

    def _end(self) -> None:
        before, self._before = self._before, None
        if before is None:
            return
        optimizer = self.model.optimizer
        optimizer.learning_rate.assign(before)
        inner = inner_of(optimizer)
        if getattr(inner, "cycle", None) is self.schedule:
            inner.cycle = None
            # What Keras has traced has the momentum of the cycle.
            self.model.make_train_function(force=True)


def _check_rate(rate: Any, step: int) -> None:
    """Raises unless a schedule returns a learning rate for a step."""
    array = np.asarray(rate)
    number = array.item() if array.size == 1 and array.dtype.kind in "iuf" else rate
    hint = "Look at what it returns for the steps 0, 1, 2, ..."
    _checks.number(f"schedule({step})", number, at_least=0, hint=hint)


def _cycles(schedule: Any) -> bool:
    return hasattr(schedule, "momentum_at")


def _batches_of(optimizer: Any) -> int:
    """Returns the number of batches that make a step."""
    return inner_of(optimizer).gradient_accumulation_steps or 1
