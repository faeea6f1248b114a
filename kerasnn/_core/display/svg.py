"""Figures as inline SVG in the colours of the page."""

import contextlib
import hashlib
import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from kerasnn._core.display.blocks import Figure, both_ends, short
from kerasnn._core.plotting import COLOURS

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

_LOOK: Any = {
    "axes.facecolor": "none",
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "none",
    "font.size": 8.5,
    "legend.fontsize": 8,
    "legend.edgecolor": "none",
    "legend.facecolor": "white",
    "lines.linewidth": 1.3,
    "savefig.facecolor": "none",
    "svg.fonttype": "none",
    "svg.hashsalt": "kerasnn",
    # A dollar sign in the name of a class or a column is a dollar sign.
    "text.parse_math": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
}
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))
_WIDTH, _HEIGHT = 4.2, 3.1
# Longer names of classes leave no room for the figure.
_LONGEST = 20


def figure(
    title: str, text: str, draw: Callable[["Axes"], object], *, height: float = _HEIGHT
) -> Figure:
    """Draws a figure without its title, which the page shows.

    Args:
        title: What it shows.
        text: The same for readers who cannot see it, with its main number.
        draw: Draws on Axes; what it returns is not used.
        height: Height in inches; the width is 4.2.
    """
    with style_of_page():
        canvas = panels(1, _WIDTH, height)
        [ax] = canvas.axes
        draw(ax)
        ax.set_title("")
        return Figure(title, inline(canvas, f"{title}. {text}"))


@contextlib.contextmanager
def style_of_page() -> Iterator[None]:
    """Context of drawing a figure in the colours of a page; nothing of it is left behind."""
    import matplotlib

    with matplotlib.rc_context(_LOOK), warnings.catch_warnings():
        # Only the width of such a text is unknown; a browser has the glyph.
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        yield


def panels(count: int, width: float, height: float) -> "Canvas":
    """Returns a figure of so many Axes side by side, which pyplot does not know.

    Args:
        count: Number of Axes.
        width: Width of all together, in inches.
        height: Height in inches.
    """
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=(width, height), layout="constrained")
    canvas.subplots(1, count)
    return canvas


def inline(canvas: "Canvas", label: str) -> "Markup":
    """Returns a figure as an SVG element of a page.

    Args:
        canvas: The figure, drawn within `style_of_page`.
        label: What it shows, for readers who cannot see it.
    """
    from markupsafe import Markup, escape

    for ax in canvas.axes:
        _without_math(ax)
    file = io.StringIO()
    canvas.savefig(file, format="svg", dpi=200, metadata=_NO_METADATA)
    width, height = canvas.get_size_inches() * 72
    size = f'viewBox="0 0 {width:g} {height:g}"'
    start = f'<svg class="plot" role="img" aria-label="{escape(label)}" {size}>'
    return Markup(start + _in_page(file.getvalue()))


def names_in_figures(names: Sequence[str]) -> list[str]:
    """Returns names that are short enough for a figure, and still differ.

    >>> names_in_figures(["temperature of the room 1", "temperature of the room 2"])
    ['temperatu…the room 1', 'temperatu…the room 2']
    """
    for cut in (short, both_ends):
        found = [cut(name, _LONGEST) for name in names]
        if len(set(found)) == len(found):
            return found
    return [f"{i}: {short(name, _LONGEST - 4)}" for i, name in enumerate(names)]


def _without_math(ax: "Axes") -> None:
    """Gives logarithmic axes labels such as 0.001, since a page parses no mathematical text."""
    from matplotlib.ticker import NullFormatter, StrMethodFormatter

    for axis in (ax.xaxis, ax.yaxis):
        if axis.get_scale() == "log":
            axis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axis.set_minor_formatter(NullFormatter())


def _in_page(svg: str) -> str:
    """Returns the elements of a drawing, with the page's font and colours and without addresses."""
    inner = re.sub(r"\A.*?<svg [^>]*>", "", svg, flags=re.DOTALL)
    inner = re.sub(r"<style.*?</style>", "", inner, count=1, flags=re.DOTALL)
    inner = inner.replace("xlink:href=", "href=")
    # Names are unique in one drawing, and have to be in the page.
    key = f"f{hashlib.sha256(inner.encode('utf-8', 'replace')).hexdigest()[:8]}-"
    inner = re.sub(r'(<[^>]* id="|url\(#|<[^>]* href="#)', rf"\g<1>{key}", inner)

    def style(found: re.Match[str]) -> str:
        text = re.sub(r"font: ([\d.]+px) [^;]*", r"font-size: \1", found[0][:-1])
        text = re.sub(r"font-family: [^;]*;? ?", "", text)
        for i, colour in enumerate(COLOURS):
            text = text.replace(colour.lower(), f"var(--colour-{i})")
        if not text.startswith("<text"):
            # The ground of a legend; white text is on a dark cell of a matrix.
            text = text.replace("fill: #ffffff", "fill: var(--page)")
        return f'{text.replace("#000000", "currentColor")}"'

    return re.sub(r'<[^>]* style="[^"]*"', style, inner)


def short_name(name: str) -> str:
    """Returns a name that is short enough for a figure."""
    return short(name, _LONGEST)
