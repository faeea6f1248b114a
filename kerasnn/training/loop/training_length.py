"""Schedules and layers that follow the length of a training."""

from typing import Any

from kerasnn import _checks, layers
from kerasnn._core.callback import Callback
from kerasnn._core.model import all_layers
from kerasnn._core.optimizers import schedule_of
from kerasnn.schedules.schedule import Schedule


def follows_length(model: Any) -> bool:
    """Whether the learning rate or a dropout rate of a model follows the length of training."""
    return _schedule(model) is not None or bool(_dropouts(model))


def begin(model: Any, steps: int, done: int = 0) -> None:
    """Tells a model's schedule and dropout layers the length of a training.

    Args:
        model: The model.
        steps: Number of steps of the whole training.
        done: Number of those that a continued training has done.
    """
    schedule = _schedule(model)
    if schedule is not None:
        schedule.begin(steps, int(model.optimizer.iterations.numpy()) - done)
    for layer in _dropouts(model):
        layer.begin(steps, done)


def end(model: Any) -> None:
    """Gives dropout layers their rates again."""
    for layer in _dropouts(model):
        layer.begin(0)


class TrainingLength(Callback):
    """Calls `begin` when the first epoch begins, and `end` at the end.

    Only in the first epoch does the optimizer have its count of steps, where a saved run is
    continued.
    """

    model: Any
    _has_begun = False

    def on_train_begin(self, logs: Any = None) -> None:
        """Starts anew."""
        self._has_begun = False

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Begins with the first epoch."""
        if self._has_begun:
            return
        self._has_begun = True
        params: dict[str, Any] = self.params or {}
        if not params.get("steps"):
            raise _checks.InvalidArgument(
                "x",
                "have a known number of batches, since the learning rate or a dropout rate follows "
                "the length of training",
                None,
                "Give `steps_per_epoch`, or give the schedule its `steps`.",
                got="a stream of unknown length",
            )
        steps = int(params["steps"])
        begin(self.model, steps * int(params["epochs"]), steps * epoch)

    def on_train_end(self, logs: Any = None) -> None:
        """Ends."""
        end(self.model)

    def on_train_abort(self, error: BaseException) -> None:
        """Ends."""
        end(self.model)


def _schedule(model: Any) -> Schedule | None:
    schedule = schedule_of(model.optimizer)
    return schedule if isinstance(schedule, Schedule) and schedule.lasts_as_training else None


def _dropouts(model: Any) -> list[layers.Dropout]:
    found = [layer for layer in all_layers(model) if isinstance(layer, layers.Dropout)]
    return [layer for layer in found if layer.anneal]
