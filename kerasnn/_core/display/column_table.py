"""Statistics of the columns of a table."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerasnn._core.display.blocks import Bars, Cell, Table, percent, short, shown

_MOST_BARS = 12
_COMMONEST = 3


def table(
    columns: Mapping[str, np.ndarray], kinds: Mapping[str, str], *, most: int = 200, of: str = ""
) -> Table | None:
    """Returns a table with one row for each column, or None where there is no column.

    Args:
        columns: Name -> values; of a window the last step counts.
        kinds: Name -> kind, such as date; of others it is number or category.
        most: Maximum number of columns.
        of: Rows that the numbers are of, if not of all.
    """
    rows = []
    for name, given in list(columns.items())[:most]:
        values = given[:, -1] if given.ndim == 2 else given
        if values.dtype.kind in "OUS":
            kind = kinds.get(name) or "category"
            cells = _of_texts(kind, values)
        else:
            kind = kinds.get(name) or "number"
            cells = of_numbers(values)
        rows.append((name, kind, *cells))
    if not rows:
        return None
    caption = "Columns in the training part" + of
    if len(columns) > len(rows):
        caption += f": the first {len(rows)} of {len(columns)}"
    head = ("column", "kind", "missing", "values", "distribution")
    return Table(caption, head, rows, numeric=("missing",), is_wide=True)


def of_numbers(values: np.ndarray) -> tuple[Cell, Cell, Cell]:
    """Returns missing numbers, mean and range, and a histogram."""
    numbers = np.asarray(values, dtype=np.float64)
    present = numbers[np.isfinite(numbers)]
    missing = _missing(len(numbers) - len(present), len(numbers))
    if not len(present):
        return missing, "", ""
    low, high = present.min(), present.max()
    text = f"mean {shown(present.mean())}, from {shown(low)} to {shown(high)}"
    counts, _ = np.histogram(present, bins=_MOST_BARS)
    return missing, text, _bars(counts, f"histogram from {shown(low)} to {shown(high)}")


def _of_texts(kind: str, values: np.ndarray) -> tuple[Cell, Cell, Cell]:
    texts = np.array([str(value).strip() for value in values], dtype=object)
    present = texts[texts != ""]
    missing = _missing(len(texts) - len(present), len(texts))
    if not len(present):
        return missing, "", ""
    names, counts = np.unique(present.astype(str), return_counts=True)
    if kind == "date":
        return missing, f"{len(names):,} dates, from {names[0]} to {names[-1]}", ""
    order = np.argsort(-counts, kind="stable")
    listed = [
        f"{short(str(names[i]), 24)} {percent(float(counts[i]) / len(texts))}"
        for i in order[:_COMMONEST]
    ]
    if len(names) > _COMMONEST:
        more = len(names) - _COMMONEST
        listed.append(f"and {more:,} {'other' if more == 1 else 'others'}")
    return missing, ", ".join(listed), _bars(counts[order][:_MOST_BARS], "commonest first")


def _missing(count: int, rows: int) -> str:
    return f"{count:,} ({percent(count / rows)})" if count else "0"


def _bars(counts: Sequence[Any] | np.ndarray, text: str) -> Bars:
    heights = np.asarray(counts) / max(np.max(counts), 1)
    return Bars(tuple(float(height) for height in heights), text)
