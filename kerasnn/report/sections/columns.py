"""Descriptions of the columns of a table."""

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np

from kerasnn._core.display import column_table
from kerasnn._core.display.blocks import Table
from kerasnn.data.split import Split


@dataclasses.dataclass(frozen=True)
class Column:
    """Description of a column of the table that was read.

    Args:
        name: Its name.
        kind: What it is taken for: number, category, boolean, date.
        filled: What stands in for a missing value, in words; empty where nothing does.

    Example:
        >>> Column("grams", "number", filled="the mean, 12.5")
        Column(name='grams', kind='number', filled='the mean, 12.5')
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


def table(columns: Mapping[str, np.ndarray], descriptions: Iterable[Column]) -> Table | None:
    """Returns a table with one row for each column, or None where there is no column.

    Args:
        columns: Name -> values; of a window the last step counts.
        descriptions: What is known of them.
    """
    return column_table.table(columns, {column.name: column.kind for column in descriptions})
