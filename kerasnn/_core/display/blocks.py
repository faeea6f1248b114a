"""Blocks that the sections of a report consist of; `template.html` draws each by its `kind`."""

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import numpy as np
    from markupsafe import Markup


@dataclasses.dataclass(frozen=True)
class Bars:
    """Cell with a small histogram.

    Args:
        heights: Heights of the bars in [0, 1].
        text: The same in words.
    """

    heights: tuple[float, ...]
    text: str
    kind: ClassVar[str] = "bars"


@dataclasses.dataclass(frozen=True)
class Bar:
    """Cell with one horizontal bar, of a length in [0, 1]; decoration beside a number."""

    length: float
    kind: ClassVar[str] = "bar"


@dataclasses.dataclass(frozen=True)
class Best:
    """Cell with a value that is the best of its column."""

    text: str
    kind: ClassVar[str] = "best"


Cell = str | Bars | Bar | Best


@dataclasses.dataclass(frozen=True)
class Paragraph:
    """A paragraph of text."""

    text: str
    kind: ClassVar[str] = "paragraph"


@dataclasses.dataclass(frozen=True)
class Table:
    """A table, the first cell of each row being its header.

    Args:
        caption: What it shows.
        head: Headers of the columns.
        rows: One cell for each column.
        numeric: Headers of the columns of numbers, which are aligned at the right.
        is_wide: Whether it needs the whole width of the page.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    numeric: Sequence[str] = ()
    is_wide: bool = False
    kind: ClassVar[str] = "table"


@dataclasses.dataclass(frozen=True)
class Figure:
    """A figure with its title."""

    title: str
    svg: "Markup"
    kind: ClassVar[str] = "figure"


@dataclasses.dataclass(frozen=True)
class Images:
    """Images side by side: (data URI, text instead of it, lines below it) of each."""

    images: Sequence[tuple[str, str, Sequence[str]]]
    kind: ClassVar[str] = "images"


@dataclasses.dataclass(frozen=True)
class Facts:
    """Names with their values."""

    pairs: Sequence[tuple[str, str]]
    kind: ClassVar[str] = "facts"


@dataclasses.dataclass(frozen=True)
class Code:
    """Command lines or a program, with a line that says what they do."""

    caption: str
    text: str
    kind: ClassVar[str] = "code"


@dataclasses.dataclass(frozen=True)
class Section:
    """One section.

    Args:
        name: Its anchor.
        title: Its heading.
        blocks: What it holds; neighbouring figures and narrow tables stand side by side.
    """

    name: str
    title: str
    blocks: Sequence[Any]


def shown(value: float) -> str:
    """Returns a number in at most about six characters; empty for NaN.

    >>> shown(0.123456), shown(1234567.0), shown(12.0), shown(3)
    ('0.1235', '1,234,567', '12', '3')
    """
    number = float(value)
    if number != number:
        return ""
    if 1e4 <= abs(number) < 1e12:
        return f"{number:,.0f}"
    # Of years, no separators.
    return f"{number:.4g}"


def decimals_of(value: float) -> int:
    """Returns the number of decimals that show about three digits of a number.

    >>> decimals_of(0.8), decimals_of(0.05), decimals_of(43.2), decimals_of(5000)
    (3, 3, 1, 0)
    """
    if not (math.isfinite(value) and value) or 0.01 <= abs(value) < 1:
        return 3
    return min(max(2 - math.floor(math.log10(abs(value))), 0), 8)


def fixed(value: float, decimals: int) -> str:
    """Returns a number with so many decimals; empty for NaN.

    >>> fixed(1234.5, 1), fixed(-0.0001, 2)
    ('1,234.5', '0.00')
    """
    # The sum has no negative zero.
    return "" if math.isnan(value) else f"{round(value, decimals) + 0.0:,.{decimals}f}"


def percent(fraction: float) -> str:
    """Returns a fraction in percent, with a decimal where it is small.

    >>> percent(0.25), percent(0.004), percent(0.0)
    ('25%', '0.4%', '0%')
    """
    return f"{fraction:.1%}" if 0 < fraction < 0.01 else f"{fraction:.0%}"


def short(text: str, most: int) -> str:
    """Returns a text of at most `most` characters.

    >>> short("a long name", 6)
    'a lon…'
    """
    return text if len(text) <= most else f"{text[: most - 1]}…"


def both_ends(text: str, most: int) -> str:
    """Returns a text of at most `most` characters, the last ones among them.

    >>> both_ends("a long name", 6)
    'a …ame'
    """
    kept = most - 1
    return text if len(text) <= most else f"{text[: kept // 2]}…{text[-(kept - kept // 2) :]}"


def texts_of(values: "np.ndarray") -> list[str]:
    """Returns the cells of a column, numbers with equally many decimals."""
    if values.dtype.kind not in "biuf":
        return [short(str(value), 60) for value in values]
    texts = [shown(float(value)) for value in values]
    decimals = max((len(text.partition(".")[2]) for text in texts if "e" not in text), default=0)
    decimals = min(decimals, 4)
    if any("e" in text for text in texts):
        return texts
    # Not of years.
    comma = "," if any("," in text for text in texts) else ""
    return [
        f"{float(value):{comma}.{decimals}f}" if text else ""
        for value, text in zip(values, texts, strict=True)
    ]
