"""Figures of numbers: residuals, and predicted against true values."""

from typing import TYPE_CHECKING, Any

import numpy as np

from kerasnn import _checks
from kerasnn._core.plotting import COLOURS, given_or_current
from kerasnn.plots.predictions import inputs

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_POINTS = 2_000
# More points make a file of vectors large, and are drawn as one picture.
_MOST_VECTOR_POINTS = 300


@_checks.known_arguments
def residuals(y_true: Any, y_pred: Any, *, ax: "Axes | None" = None) -> "Axes":
    """Draws true minus predicted values against the predicted ones.

    The residuals of a good model scatter evenly about zero, with the same spread everywhere. A
    curve shows something that the model has not learned, and a funnel that large values are less
    certain. Of more than 2,000 rows as many are drawn, evenly spaced; the title is of all.

    Args:
        y_true: True numbers, `(batch,)` or `(batch, 1)`.
        y_pred: Predicted numbers, `(batch,)` or `(batch, 1)`.
        ax: Axes to draw on; None is pyplot's current one, or a new figure's if that has data.

    Returns:
        The Axes: true - predicted against predicted.

    Raises:
        InvalidArgument: If an argument does not hold one finite number for each row, or they differ
            in length; if `ax` is no Axes.
        TypeError: If an argument is unknown.

    Example:
        >>> ax = residuals([1.0, 2.0, 4.0], [[1.5], [2.0], [3.0]])
        >>> ax.lines[0].get_ydata().tolist(), ax.get_title()
        ([-0.5, 0.0, 1.0], 'mean 0.167, standard deviation 0.624')
    """
    true, predicted = inputs.pairs_of_numbers(y_true, y_pred)
    left = true - predicted
    ax = given_or_current(ax)
    _points(ax, predicted, left)
    ax.axhline(0, color="black", linestyle=":", linewidth=0.8)
    ax.set_xlabel("predicted")
    ax.set_ylabel("true - predicted")
    text = f"mean {left.mean():.3g}, standard deviation {left.std():.3g}"
    ax.set_title(text, fontsize="medium")
    return ax


@_checks.known_arguments
def prediction_error(y_true: Any, y_pred: Any, *, ax: "Axes | None" = None) -> "Axes":
    """Draws predicted against true values.

    On the dotted line both are equal. Of more than 2,000 rows as many are drawn, evenly spaced; the
    title is of all:

    R2 = 1 - sum (true - predicted)^2 / sum (true - mean of true)^2

    Args:
        y_true: True numbers, `(batch,)` or `(batch, 1)`.
        y_pred: Predicted numbers, `(batch,)` or `(batch, 1)`.
        ax: Axes to draw on; None is pyplot's current one, or a new figure's if that has data.

    Returns:
        The Axes: predicted against true.

    Raises:
        InvalidArgument: If an argument does not hold one finite number for each row, or they differ
            in length; if `ax` is no Axes.
        TypeError: If an argument is unknown.

    Example:
        >>> ax = prediction_error([1.0, 2.0, 3.0], [1.5, 2.0, 2.5])
        >>> ax.get_title()
        'R2 0.750, mean absolute error 0.333'
    """
    true, predicted = inputs.pairs_of_numbers(y_true, y_pred)
    left, spread = true - predicted, true - true.mean()
    text = f"mean absolute error {np.abs(left).mean():.3g}"
    if spread.any():
        text = f"R2 {1 - (left @ left) / (spread @ spread):.3f}, {text}"
    ax = given_or_current(ax)
    _points(ax, true, predicted)
    ends = [min(true.min(), predicted.min()), max(true.max(), predicted.max())]
    ax.plot(ends, ends, color="black", linestyle=":", linewidth=0.8)
    ax.set_xlabel("true")
    ax.set_ylabel("predicted")
    ax.set_title(text, fontsize="medium")
    return ax


def _points(ax: Any, x: np.ndarray, y: np.ndarray) -> None:
    if len(x) > _MOST_POINTS:
        drawn = np.linspace(0, len(x) - 1, _MOST_POINTS).astype(int)
        x, y = x[drawn], y[drawn]
    few = len(x) <= _MOST_VECTOR_POINTS
    look = {"ms": 3.5, "alpha": 0.6} if few else {"ms": 2.5, "alpha": 0.35}
    ax.plot(x, y, "o", color=COLOURS[0], markeredgewidth=0, rasterized=not few, **look)
