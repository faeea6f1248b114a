"""Figure of learning rates against steps or epochs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from kerasnn import _checks
from kerasnn._core.optimizers import schedule_of
from kerasnn._core.plotting import given_or_current, line_look, visible
from kerasnn.schedules.schedule import STEPS_DRAWN, Schedule

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_Schedule = keras.optimizers.schedules.LearningRateSchedule


@_checks.known_arguments
def learning_rates(
    rates: Any,
    *,
    steps: int | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draws the learning rates of schedules against the step, or those that `fit` logged.

    Args:
        rates: A schedule of kerasnn or Keras, or an optimizer with one, such as
            `model.optimizer`; a list of these, or a dictionary of them by label; or the result of
            `fit`, with the rates that `LearningRateDecay` or
            `ReduceLROnPlateau` logged.
        steps: Number of steps to draw; by default all of a schedule that ends, and 100 of one
            that does not. With several schedules the largest number is used.
        ax: Axes to draw on; None is pyplot's current one, or a new figure's if that has data.

    Returns:
        The Axes: the rate against the step, from 0 on, or against the epoch, from 1 on.

    Raises:
        InvalidArgument: If `rates` is none of these, or a history without rates; if `steps` is
            not a positive integer; if `ax` is no Axes.
        TypeError: If an argument is unknown.

    Example:
        >>> from kerasnn import schedules
        >>> ax = learning_rates([schedules.Step(0.1), schedules.Cosine(0.1, steps=50)])
        >>> [line.get_label() for line in ax.lines]
        ['Step', 'Cosine']
    """
    if steps is not None:
        _checks.integer("steps", steps)
    rates = keras.tree.map_structure(_schedule, rates)
    history = _history(rates)
    if history is not None:
        if steps is not None:
            raise _checks.InvalidArgument(
                "steps", "be left out for a history, which has epochs", steps
            )
        curves = {"learning rate": history}
    else:
        named = _schedules(rates)
        steps = steps or max(_length(schedule) for schedule in named.values())
        at = np.arange(steps)
        curves = {name: (at, _values(schedule, steps)) for name, schedule in named.items()}
    ax = given_or_current(ax)
    for i, (name, (at, values)) in enumerate(curves.items()):
        drawn = visible(values)
        ax.plot(at[drawn], values[drawn], label=name, **line_look(i))
    ax.set_xlabel("step" if history is None else "epoch")
    ax.set_ylabel("learning rate")
    ax.margins(x=0)
    ax.set_ylim(bottom=0)
    if len(curves) > 1:
        ax.legend()
    return ax


def _schedule(rates: Any) -> Any:
    """Returns the schedule of an optimizer, and anything else as it is."""
    if isinstance(rates, keras.Model):
        rule = "be a schedule, an optimizer, or the result of `fit`"
        raise _checks.InvalidArgument(
            "rates", rule, rates, "Give `model.optimizer`.", got=f"a {type(rates).__name__}"
        )
    if not isinstance(rates, keras.optimizers.Optimizer):
        return rates
    found = schedule_of(rates)
    if found is None:
        raise _checks.InvalidArgument(
            "rates",
            "have a schedule as its learning rate",
            rates,
            "A constant rate needs no figure. What changed it, as a callback does, is in the "
            "result of `fit`.",
            got=f"{type(rates).__name__}, whose rate is constant at {float(rates.learning_rate):g}",
        )
    return found


def _history(rates: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """Returns epochs and rates of a history, or None for schedules."""
    table = rates.history if isinstance(rates, keras.callbacks.History) else rates
    if not isinstance(table, Mapping) or any(isinstance(v, _Schedule) for v in table.values()):
        return None
    logged = table.get("learning_rate")
    if logged is None or not len(logged):
        raise _checks.InvalidArgument(
            "rates",
            "be a history with `learning_rate`",
            list(table),
            "`callbacks.LearningRateDecay` and `callbacks.ReduceLROnPlateau` log it. For the "
            "schedule of an optimizer give `model.optimizer`.",
            got=f"a history of {', '.join(map(repr, table)) or 'nothing'}",
        )
    first = rates.epoch[0] if isinstance(rates, keras.callbacks.History) and rates.epoch else 0
    return np.arange(len(logged)) + first + 1, np.asarray(logged, dtype=float)


def _schedules(rates: Any) -> dict[str, Any]:
    if isinstance(rates, _Schedule):
        rates = [rates]
    if isinstance(rates, Sequence) and rates and all(isinstance(r, _Schedule) for r in rates):
        names = [type(schedule).__name__ for schedule in rates]
        return {
            name if names.count(name) == 1 else f"{name} {names[: i + 1].count(name)}": schedule
            for i, (name, schedule) in enumerate(zip(names, rates, strict=True))
        }
    if isinstance(rates, Mapping) and all(isinstance(r, _Schedule) for r in rates.values()):
        return dict(rates)
    rule = "be a schedule, an optimizer with one, a list or dict of these, or the result of `fit`"
    raise _checks.InvalidArgument("rates", rule, rates)


def _values(schedule: Any, steps: int) -> np.ndarray:
    if isinstance(schedule, Schedule):
        return schedule.values(steps)
    # Not all of Keras's schedules accept an array of steps.
    return np.array([float(schedule(i)) for i in range(steps)])


def _length(schedule: Any) -> int:
    if isinstance(schedule, Schedule) and schedule.length is not None:
        return sum(schedule.length) or STEPS_DRAWN
    steps = getattr(schedule, "steps", getattr(schedule, "decay_steps", None))
    return int(steps) if steps else STEPS_DRAWN
