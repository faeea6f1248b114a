"""Start of learning-rate schedules that last as long as training."""

from typing import Any

from kerasnn import _checks
from kerasnn._core.callback import Callback
from kerasnn._core.optimizers import schedule_of
from kerasnn.schedules.schedule import Schedule


def lasting_schedule(model: Any) -> Schedule | None:
    """Returns the schedule of a model's optimizer if its length is that of training."""
    schedule = schedule_of(model.optimizer)
    return schedule if isinstance(schedule, Schedule) and schedule.lasts_as_training else None


class ScheduleStart(Callback):
    """Tells a schedule the number of steps of a training when its first epoch begins.

    Only then does the optimizer have its count of steps, where a saved run is continued.
    """

    model: Any

    def on_train_begin(self, logs: Any = None) -> None:
        """Starts anew."""
        self._has_begun = False

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Begins the schedule with the first epoch."""
        schedule = None if self._has_begun else lasting_schedule(self.model)
        self._has_begun = True
        if schedule is None:
            return
        params: dict[str, Any] = self.params or {}
        if not params.get("steps"):
            raise _checks.InvalidArgument(
                "x",
                "have a known number of batches, since the learning-rate schedule lasts as long as "
                "training",
                None,
                "Give `steps_per_epoch`, or give the schedule its `steps`.",
                got="a stream of unknown length",
            )
        steps = int(params["steps"])
        start = int(self.model.optimizer.iterations) - epoch * steps
        schedule.begin(steps * int(params["epochs"]), start)
