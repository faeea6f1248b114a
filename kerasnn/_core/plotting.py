"""Axes, colours and line styles of figures."""

from typing import TYPE_CHECKING, Any

import numpy as np

from kerasnn import _checks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Distinct with every common form of colour blindness: Okabe & Ito (2008),
# https://jfly.uni-koeln.de/color/. Black, their eighth, is used for other marks.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442")
# One marker for each colour, so that colour is not needed.
MARKS = "osD^vP*"
_STYLES = ("-", "--", ":", "-.")
# A line has at most so many bins of neighbouring points.
_MOST_BINS = 1_000


def line_look(number: int) -> dict[str, Any]:
    """Returns colour and line style of a line; after all colours the style changes."""
    cycle, colour = divmod(number, len(COLOURS))
    return {"color": COLOURS[colour], "linestyle": _STYLES[cycle % len(_STYLES)]}


def given_or_current(ax: Any) -> "Axes":
    """Returns `ax`; where it is None, pyplot's current Axes, or a new figure's if that has data.

    So a notebook shows the figure below its cell, `plt.savefig` writes it, and `plt.close` frees
    it. One plot is drawn over another only into the Axes that are given for both.
    """
    from matplotlib.axes import Axes

    if ax is None:
        import matplotlib.pyplot as plt

        if _empty_figure() is None and (not plt.get_fignums() or plt.gca().has_data()):
            return plt.figure(layout="constrained").add_subplot()
        return plt.gca()
    if not isinstance(ax, Axes):
        raise _checks.InvalidArgument(
            "ax",
            "be a matplotlib Axes or None",
            ax,
            "From an array of Axes, use one, such as `ax[0]`.",
        )
    return ax


def figure_of_panels(width: float, height: float) -> "Figure":
    """Returns pyplot's current figure if it is empty, or else a new one of that size in inches.

    A figure that nobody gave a size gets that size too.
    """
    import matplotlib.pyplot as plt

    figure = _empty_figure()
    if figure is None:
        return plt.figure(figsize=(width, height), layout="constrained")
    if list(figure.get_size_inches()) == list(plt.rcParams["figure.figsize"]):
        figure.set_size_inches(width, height)
    return figure


def _empty_figure() -> "Figure | None":
    """Returns pyplot's current figure if it is empty.

    It gets a layout that cuts off no name, unless it has one.
    """
    import matplotlib.pyplot as plt

    if not plt.get_fignums() or plt.gcf().axes:
        return None
    figure = plt.gcf()
    if figure.get_layout_engine() is None:
        figure.set_layout_engine("constrained")
    return figure


def visible(values: np.ndarray) -> np.ndarray:
    """Returns the indices of the points of a line that can be seen: at most about 2,000.

    They are the lowest and the highest value in each bin of neighbours.
    """
    if len(values) <= 2 * _MOST_BINS:
        return np.arange(len(values))
    size = -(-len(values) // _MOST_BINS)
    padded = np.pad(values, (0, -len(values) % size), mode="edge").reshape(-1, size)
    start = np.arange(len(padded)) * size
    known = np.where(np.isnan(padded), np.inf, padded), np.where(np.isnan(padded), -np.inf, padded)
    ends = np.concatenate([start + known[0].argmin(axis=1), start + known[1].argmax(axis=1)])
    return np.unique(np.minimum(ends, len(values) - 1))
