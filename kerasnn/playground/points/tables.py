"""Tables of a user: uploaded CSV files, and that of the command line."""

import csv
import dataclasses
import io
import pathlib
import secrets
from typing import Any

import polars

from kerasnn import _checks
from kerasnn._core.raw_rows import MISSING_VALUES
from kerasnn.data.rows.row_numbers import RowCounter

#: An uploaded file has at most so many bytes.
MOST_BYTES = 10_000_000
#: Columns, by which the network's first layer grows.
_MOST_COLUMNS = 200
#: Rows, with which an epoch in small batches lasts a second: a page can pause between epochs.
_MOST_ROWS = 20_000
_LONGEST_NAME = 120


@dataclasses.dataclass(frozen=True)
class TableColumn:
    """A column of a table.

    Attributes:
        name: Its name.
        kind: `numeric` or `categorical`.
        values: Number of different values.
        counts_rows: Whether its numbers count the rows of the table.
    """

    name: str
    kind: str
    values: int
    counts_rows: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class Table:
    """A CSV file.

    Attributes:
        identifier: What a configuration calls it.
        path: The file.
        name: Its name where it came from.
        columns: Its columns.
        rows: Number of rows.
    """

    identifier: str
    path: pathlib.Path
    name: str
    columns: tuple[TableColumn, ...]
    rows: int

    def column(self, name: str | None) -> TableColumn | None:
        """Returns a column by its name."""
        return next((column for column in self.columns if column.name == name), None)

    def as_dict(self) -> dict[str, Any]:
        """Returns what the page receives of it."""
        columns = [dataclasses.asdict(column) for column in self.columns]
        return {"table": self.identifier, "name": self.name, "columns": columns, "rows": self.rows}


def read_table(path: pathlib.Path, name: str) -> Table:
    """Returns a CSV file as a table, after a look at its columns.

    Args:
        path: The file.
        name: Its name where it came from.

    Raises:
        InvalidArgument: If it is no CSV file with a header and rows, or has too many of them or of
            columns.
    """
    try:
        frame = polars.read_csv(
            path,
            null_values=list(MISSING_VALUES),
            infer_schema_length=None,
            truncate_ragged_lines=False,
        )
    except (polars.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise _checks.InvalidArgument(
            "table",
            "be a CSV file in UTF-8, with names in its first line",
            name,
            _what_is_wrong(path) or f"Reading it fails: {_checks.first_line(error)}",
            got=f"a file {name!r} that is none",
        ) from None
    if not frame.height or not 2 <= frame.width <= _MOST_COLUMNS:
        raise _checks.InvalidArgument(
            "table",
            f"have rows, and from 2 to {_MOST_COLUMNS} columns separated by commas",
            name,
            got=f"{_count(frame.height, 'row')} and {_count(frame.width, 'column')} in {name!r}",
        )
    if frame.height > _MOST_ROWS:
        raise _checks.InvalidArgument(
            "table",
            f"have at most {_MOST_ROWS:,} rows, so that an epoch is short",
            name,
            "Write some of the rows into a file, drawn at random.",
            got=f"{frame.height:,} rows in {name!r}",
        )
    repeated = _repeated(path)
    if repeated is not None:
        raise _checks.InvalidArgument(
            "table",
            "have a name of its own for each column",
            name,
            "Rename one of them in the file's first line.",
            got=f"the name {repeated!r} twice in {name!r}",
        )
    return Table(
        identifier=secrets.token_hex(8),
        path=path,
        name=_plain(name),
        columns=tuple(map(_column, frame.get_columns())),
        rows=frame.height,
    )


def _column(values: polars.Series) -> TableColumn:
    counter = RowCounter()
    if values.dtype.is_numeric():
        # A missing value is NaN.
        counter.update(values.cast(polars.Float64).to_numpy())
    return TableColumn(
        name=values.name,
        kind="numeric" if values.dtype.is_numeric() else "categorical",
        values=values.drop_nulls().n_unique(),
        counts_rows=counter.counts_rows,
    )


def _repeated(path: pathlib.Path) -> str | None:
    """Returns the first name that two columns of a CSV file have, or None.

    polars gives the second one another name.
    """
    first = polars.read_csv(path, has_header=False, n_rows=1, infer_schema_length=0)
    names = first.row(0)
    return next((each for i, each in enumerate(names) if each in names[:i]), None)


def _what_is_wrong(path: pathlib.Path) -> str:
    """Returns which line of a file is no CSV and why; empty where that is not found."""
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return f"Line {line} is not in UTF-8."
    rows, width, line = csv.reader(io.StringIO(text, newline=""), strict=True), 0, 1
    try:
        for row in rows:
            if width and len(row) > width:
                named = _count(width, "column")
                return f"Line {line} has {_count(len(row), 'value')}, and the first line {named}."
            width, line = width or len(row), rows.line_num + 1
    except csv.Error as error:
        if "unexpected end" in str(error):
            return f"Line {line} opens a quotation mark that is never closed."
        return f"Line {line} has a quotation mark inside a value: {error}."
    return ""


def _count(number: int, name: str) -> str:
    """Returns a number with the name of what is counted."""
    return f"{number} {name}" if number == 1 else f"{number} {name}s"


def _plain(name: str) -> str:
    """Returns the last part of a file's name, of letters that can be shown."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in last if c.isprintable())[:_LONGEST_NAME] or "table.csv"
