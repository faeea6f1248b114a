"""Axes, colours and line styles of figures."""

from typing import TYPE_CHECKING, Any

from kerasnn import _checks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Distinct with every common form of colour blindness: Okabe & Ito (2008),
# https://jfly.uni-koeln.de/color/. Black, their eighth, is used for other marks.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442")
# One marker for each colour, so that colour is not needed.
MARKS = "osD^vP*"
_STYLES = ("-", "--", ":", "-.")


def line_look(number: int) -> dict[str, Any]:
    """Returns colour and line style of a line; after all colours the style changes."""
    cycle, colour = divmod(number, len(COLOURS))
    return {"color": COLOURS[colour], "linestyle": _STYLES[cycle % len(_STYLES)]}


def given_or_new(ax: Any) -> "Axes":
    """Returns `ax`, or the Axes of a new figure where it is None.

    The figure is not registered with pyplot, and is freed with its last reference.
    """
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    if ax is None:
        return Figure(layout="constrained").add_subplot()
    if not isinstance(ax, Axes):
        raise _checks.InvalidArgument(
            "ax",
            "be a matplotlib Axes or None",
            ax,
            "From an array of Axes, use one, such as `ax[0]`.",
        )
    return ax
