"""Figure of a forecast against the truth."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasnn import _checks
from kerasnn._core.plotting import COLOURS, given_or_current, visible
from kerasnn.plots.predictions import inputs

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@_checks.known_arguments
def sequence(
    y_true: Any,
    y_pred: Any,
    *,
    times: Any = None,
    deviation: Any = None,
    labels: Sequence[str] | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draws a forecast (dashed) and the truth (solid) over time.

    Of more than 2,000 steps only the lowest and the highest value of neighbouring steps are drawn,
    which looks the same.

    Args:
        y_true: True numbers in the order of time, `(steps,)` or `(steps, outputs)`, at most seven
            outputs; NaN where the truth is not known yet.
        y_pred: Predictions for the same steps, in the same shape.
        times: Time of each step, `(steps,)`: numbers or datetimes, in ascending order; None counts
            the steps from 0.
        deviation: Standard deviation of each prediction, in the shape of `y_pred`, as
            `model.predict_uncertainty` returns it: a band of two deviations to either side is
            drawn.
        labels: Names of the outputs.
        ax: Axes to draw on; None is pyplot's current one, or a new figure's if that has data.

    Returns:
        The Axes: the values against time.

    Raises:
        InvalidArgument: If an argument does not hold numbers, shapes or lengths differ, or `times`
            falls; if `ax` is no Axes.
        TypeError: If an argument is unknown.

    Example:
        >>> ax = sequence([1.0, 2.0, 4.0], [1.1, 1.8, 3.0])
        >>> [line.get_label() for line in ax.lines]
        ['true', 'predicted']
    """
    true, predicted, spread = _read(y_true, y_pred, deviation)
    steps, outputs = predicted.shape
    x = _times(times, steps)
    names = [f"output {i}" for i in range(outputs)] if outputs > 1 else [""]
    if labels is not None:
        names = inputs.names_of_classes(labels, outputs, "of `y_pred`")
    ax = given_or_current(ax)
    for i, name in enumerate(names):
        # The only output has a colour for truth and forecast each.
        colour = COLOURS[i]
        forecast = COLOURS[1] if outputs == 1 else colour
        of = f" {name}" if name else ""
        if spread is not None:
            low, high = predicted[:, i] - 2 * spread[:, i], predicted[:, i] + 2 * spread[:, i]
            at = np.union1d(visible(low), visible(high))
            ax.fill_between(x[at], low[at], high[at], color=forecast, alpha=0.2, linewidth=0)
        for values, part, style, drawn in (
            (true[:, i], "true", "-", colour),
            (predicted[:, i], "predicted", "--", forecast),
        ):
            at = visible(values)
            ax.plot(x[at], values[at], style, color=drawn, linewidth=1.2, label=part + of)
    ax.set_xlabel("step" if times is None else "time")
    ax.set_ylabel("value" if outputs > 1 or labels is None else names[0])
    if x.dtype.kind == "M":
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        # Ticks of days and the name of a month would touch at more.
        locator = AutoDateLocator(maxticks=7)
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    ax.legend()
    return ax


def _read(y_true: Any, y_pred: Any, deviation: Any) -> tuple[np.ndarray, np.ndarray, Any]:
    """Returns truth, forecast and deviation as (steps, outputs)."""
    predicted = inputs.number_columns("y_pred", y_pred)
    if predicted.shape[1] > len(COLOURS):
        rule = f"have at most {len(COLOURS)} outputs"
        got = f"shape {predicted.shape}"
        hint = "Draw some of them: `y_pred[:, :3]`."
        raise _checks.InvalidArgument("y_pred", rule, predicted, hint, got=got)
    if _checks.is_split(y_true):
        raise _checks.no_rows("y_true", y_true)
    true = np.asarray(y_true)
    _checks.refuse_masked("y_true", y_true)
    _checks.numbers_only("y_true", true)
    true = true.reshape(len(true), -1).astype(np.float64) if true.ndim else true
    _same_shape("y_true", true, predicted)
    if deviation is None:
        return true, predicted, None
    spread = inputs.number_columns("deviation", deviation)
    _same_shape("deviation", spread, predicted)
    if spread.min() < 0:
        got = f"{spread.min():g}"
        raise _checks.InvalidArgument("deviation", "be at least 0", spread.min(), got=got)
    return true, predicted, spread


def _same_shape(name: str, array: np.ndarray, predicted: np.ndarray) -> None:
    if array.shape != predicted.shape:
        rule = "have the steps and outputs of `y_pred`"
        got = f"shape {array.shape}, and {predicted.shape} of `y_pred`"
        raise _checks.InvalidArgument(name, rule, array, got=got)


def _times(times: Any, steps: int) -> np.ndarray:
    if times is None:
        return np.arange(steps)
    given = np.asarray(times)
    if given.dtype.kind == "O":
        # Such as a list of `datetime.date`.
        given = np.asarray(times, dtype="datetime64[us]")
    if given.shape != (steps,) or given.dtype.kind not in "iufM":
        rule = f"hold a number or a datetime for each of {steps} steps"
        got = f"shape {given.shape} of {given.dtype}"
        raise _checks.InvalidArgument("times", rule, times, got=got)
    if (given[1:] < given[:-1]).any():
        raise _checks.InvalidArgument(
            "times",
            "ascend",
            times,
            "Sort times and values: `order = times.argsort()`.",
            got="times that fall",
        )
    return given
