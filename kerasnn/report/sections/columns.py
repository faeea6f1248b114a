"""Statistics of the columns of a table."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from kerasnn.data.split import Split
from kerasnn.report.blocks import Bars, Cell, Table, percent, short, shown

_MOST_COLUMNS = 200
_MOST_BARS = 12
_COMMONEST = 3


@dataclasses.dataclass(frozen=True)
class Column:
    """Description of a column of the table that was read.

    Args:
        name: Its name.
        kind: What it is taken for: number, category, boolean, date.
        filled: What stands in for a missing value, in words; empty where nothing does.
    """

    name: str
    kind: str
    filled: str = ""


def described(split: Split) -> tuple[Column, ...]:
    """Returns the columns of `split.encoder`; empty where there is none."""
    if split.encoder is None:
        return ()
    return tuple(
        Column(
            column.name,
            column.kind,
            column.replacement if column.fills and column.missing_rows else "",
        )
        for column in split.encoder.columns
    )


def by_name(split: Split) -> Mapping[str, np.ndarray]:
    """Returns the training part by column: raw ones, or else those of a table x."""
    if split.raw_train is not None:
        return split.raw_train
    x = split.x_train
    if not isinstance(x, np.ndarray) or x.ndim != 2 or x.dtype.kind not in "biuf":
        return {}
    names = split.features or [f"column {i}" for i in range(x.shape[1])]
    return dict(zip(names, x.T, strict=True))


def table(columns: Mapping[str, np.ndarray], descriptions: Iterable[Column]) -> Table | None:
    """Returns a table with one row for each column, or None where there is no column.

    Args:
        columns: Name -> values; of a window the last step counts.
        descriptions: What is known of them.
    """
    known = {column.name: column for column in descriptions}
    rows = []
    for name, given in list(columns.items())[:_MOST_COLUMNS]:
        values = given[:, -1] if given.ndim == 2 else given
        kind = known[name].kind if name in known else ""
        if values.dtype.kind in "OUS":
            kind = kind or "category"
            cells = _of_texts(kind, values)
        else:
            kind = kind or "number"
            cells = of_numbers(values)
        rows.append((name, kind, *cells))
    if not rows:
        return None
    caption = "Columns in the training part"
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
