"""Base class of schedules, with values and a plot without training."""

import abc
import inspect
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from kerasnn import _checks
from kerasnn._core.plotting import COLOURS, given_or_current, visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STEPS_DRAWN = 100


class Schedule(keras.optimizers.schedules.LearningRateSchedule, abc.ABC):
    """A learning rate as a function of the step, for any Keras optimizer.

    A subclass stores every argument as an attribute of the same name, for its configuration.
    """

    @abc.abstractmethod
    def at(self, step: Any) -> Any:
        """Returns the rates at steps, float32, in their shape.

        Steps are counted from 0 and are int64, or float32 if fractional steps are given. A
        schedule that jumps at a step has to compute that step in integers: XLA divides 41.0 by
        41 by multiplying with 1 / 41, and gets less than 1.
        """

    @property
    def lasts_as_training(self) -> bool:
        """Whether its length is that of training, which `begin` sets."""
        return False

    @property
    def length(self) -> tuple[int, int] | None:
        """What `begin` has set: the number of steps, and the start; None where that is constant."""
        return None

    def begin(self, steps: int, start: int) -> None:
        """Called by `kerasnn.fit` and `fit_many` when training starts.

        Args:
            steps: Number of steps of the whole training.
            start: The optimizer's count of steps before the first of them.
        """

    def __call__(self, step: Any) -> Any:
        """Returns the learning rate at a step."""
        step = tf.convert_to_tensor(step)
        return self.at(ops.cast(step, "float32" if step.dtype.is_floating else "int64"))

    def values(self, steps: Any) -> np.ndarray:
        """Returns the learning rates that training will use.

        Args:
            steps: Number of steps, from step 0; or an array-like of steps.

        Returns:
            One rate per step, float32.

        Raises:
            InvalidArgument: If `steps` is neither.
        """
        rule = "be a number of steps, or steps counted from 0"
        try:
            array = np.asarray(steps)
        except ValueError as error:
            raise _checks.InvalidArgument(
                "steps", rule, steps, "Its rows differ in length."
            ) from error
        if array.ndim == 0:
            _checks.integer("steps", steps)
            array = np.arange(steps)
        numbers = array.size and array.dtype.kind in "iuf"
        if not numbers or not ((array >= 0) & (array < 2**63)).all():
            raise _checks.InvalidArgument("steps", rule, steps)
        return np.asarray(self(array))

    def plot(self, steps: int | None = None, *, ax: "Axes | None" = None) -> "Axes":
        """Draws the learning rate against the step.

        Args:
            steps: Number of steps to draw; by default all of a schedule that ends, and 100 of
                one that does not.
            ax: Axes to draw on; None is pyplot's current one, or a new figure's if that has data.

        Returns:
            The Axes.
        """
        if steps is None:
            steps = getattr(self, "steps", None) or STEPS_DRAWN
        _checks.integer("steps", steps)
        ax = given_or_current(ax)
        values = self.values(steps)
        drawn = visible(values)
        ax.plot(drawn, values[drawn], color=COLOURS[0], label=type(self).__name__)
        ax.set_xlabel("step")
        ax.set_ylabel("learning rate")
        ax.set_ylim(bottom=0)
        return ax

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        names = list(inspect.signature(type(self).__init__).parameters)[1:]
        return {name: getattr(self, name) for name in names}
