"""Recognition of the types of columns that `specs` defines: numbers, names, booleans or dates."""

import decimal
import re

import numpy as np
import polars as pl
import tensorflow as tf

from kerasnn import _checks
from kerasnn.data.rows.row_numbers import RowCounter
from kerasnn.data.tables.columns.dates import DateFormat, parse_dates
from kerasnn.data.tables.columns.raw import RawColumn
from kerasnn.data.tables.table import FLOAT64_INTEGERS, Table

_LARGEST = 3.4028234663852886e38
_MOST_ROWS = 5
_BOOLEANS = ("true", "false")
# Blanks between thousands, which may be no-break spaces: 1 234 567.
_THOUSANDS = re.compile(r"(?<=\d)\s(?=\d{3}(?!\d))")


class ColumnSummary:
    """Summary of the values of one column: kind, missing values, what cannot be read.

    Args:
        name: The column's name.
        as_text: Whether numbers, booleans and dates count as names.
        date_format: Format of dates; None takes ISO's.
        as_date: Whether all values must be dates.
        is_target: Whether this is the column to predict, which cannot be left out.
        is_feature: Whether its numbers are computed with, so that they may not lose digits.
    """

    def __init__(
        self,
        name: str,
        *,
        as_text: bool = False,
        date_format: str | None = None,
        as_date: bool = False,
        is_target: bool = False,
        is_feature: bool = True,
    ) -> None:
        self.name = name
        self.as_text = as_text
        self.as_date = as_date
        self.is_target = is_target
        self.is_feature = is_feature
        self.date_format = date_format
        self.missing = 0
        self.missing_rows: list[int] = []
        self._format = DateFormat.parse(date_format)
        # The first row with a value of each sort, and the value.
        self._first: dict[str, tuple[int, str]] = {}
        # Two different integers that float64 takes for one.
        self._merged: tuple[str, str] | None = None
        self._counter = RowCounter()

    def update(self, values: pl.Series, raw: RawColumn, start: int) -> None:
        """Adds a block.

        Args:
            values: Its values, in which null is missing.
            raw: The same.
            start: Index of its first row.
        """
        self.missing += values.null_count()
        if values.null_count() and len(self.missing_rows) < _MOST_ROWS:
            rows = values.is_null().arg_true()[:_MOST_ROWS] + start
            self.missing_rows = [*self.missing_rows, *rows.to_list()][:_MOST_ROWS]
        if raw.texts is None:
            self._counter.update(raw.values)
            self._update_numbers(values, raw, start)
        else:
            self._counter.refuse()
            self._update_texts(raw, start)

    @property
    def counts_rows(self) -> bool:
        """Whether its numbers count the rows of the table, from 0 or 1, with few gaps."""
        return self._counter.counts_rows

    def _update_numbers(self, values: pl.Series, raw: RawColumn, start: int) -> None:
        if "number" not in self._first:
            self._note("number", values.is_not_null().to_numpy(), values, start)
        in_range = np.abs(raw.values) <= _LARGEST
        if np.count_nonzero(in_range) < len(values) - values.null_count():
            self._note("large", ~in_range & values.is_not_null().to_numpy(), values, start)

    def _update_texts(self, raw: RawColumn, start: int) -> None:
        # Each different text is looked at once.
        texts = pl.Series(raw.present, dtype=pl.String)
        sorts = {"text": ~texts.is_null()}
        if not self.as_text:
            is_date = texts.str.contains(self._format.pattern)
            sorts = {"date": is_date, "text": ~is_date}
            if not self.as_date:
                numbers = texts.cast(pl.Float64, strict=False)
                sorts["number"] = ~is_date & numbers.is_not_null()
                in_range = numbers.is_between(-_LARGEST, _LARGEST)
                sorts["large"] = sorts["number"] & ~in_range.fill_null(value=True)
                self._merged = self._merged or _merged(texts, numbers)
                sorts["boolean"] = texts.str.to_lowercase().is_in(_BOOLEANS)
                sorts["text"] &= ~sorts["number"] & ~sorts["boolean"]
            if is_date.any():
                dates = parse_dates(tf.constant(raw.present), self._format)
                sorts["impossible"] = is_date & ~pl.Series(dates.valid.numpy())
        for sort, of_sort in sorts.items():
            if sort not in self._first and of_sort.any():
                selected = np.append(of_sort.to_numpy(), False)[raw.values]
                row = int(selected.argmax())
                self._first[sort] = (start + row, str(raw.present[raw.values[row]]))

    def _note(self, sort: str, selected: np.ndarray, values: pl.Series, start: int) -> None:
        if sort not in self._first and selected.any():
            row = int(selected.argmax())
            self._first[sort] = (start + row, str(values[row]))

    def kind(self, table: Table) -> str:
        """Returns "number", "category", "boolean" or "date".

        Raises:
            InvalidArgument: If the column is mixed or empty, or holds what cannot be read.
        """
        found = set(self._first) - {"large", "impossible"}
        if not found:
            hint = f"Leave it out with drop=({self.name!r},)."
            if self.is_target:
                hint = "As the target it needs values to learn from."
            raise _checks.InvalidArgument(
                table.argument,
                f"hold values in column {self.name!r}",
                None,
                hint,
                got="none at all",
            )
        if "large" in self._first and found == {"number"}:
            row = self._first["large"][0]
            cell = table.cell(self.name, row)
            raise _checks.InvalidArgument(
                table.argument,
                f"hold finite numbers of float32 in column {self.name!r}",
                cell,
                "Correct it or drop the row.",
                got=f"{cell!r} in {table.place(row)}",
            )
        if self.as_text:
            return "category"
        if self._merged and found == {"number"} and self.is_feature and not self.is_target:
            first, second = self._merged
            raise _checks.InvalidArgument(
                table.argument,
                f"hold integers in column {self.name!r} that stay different in float64",
                self._merged,
                f"If they are names, read them as text with categorical=({self.name!r},); or leave "
                f"the column out with drop=({self.name!r},).",
                got=f"{first} and {second}",
            )
        for sort in ("number", "date"):
            if sort in found and len(found) > 1 and not self.as_date:
                self._refuse_mixed(table, sort, min(self._first[s] for s in found - {sort}))
        if "text" in found and not self.as_date:
            row, text = self._first["text"]
            if _is_number(_bare(text)):
                hint = (
                    "Write it with digits and a point alone, as in 1234.5, or take the column as "
                )
                hint += f"text with categorical=({self.name!r},)."
                if "," in text:
                    hint += " With decimal commas give `data.from_frame` the frame of "
                    hint += "`polars.read_csv(path, separator=';', decimal_comma=True)`."
                raise _checks.InvalidArgument(
                    table.argument,
                    f"hold numbers that can be read in column {self.name!r}",
                    text,
                    hint,
                    got=f"{text!r} in {table.place(row)}",
                )
        if "text" in found and not self.as_date:
            return "category"
        self._check_dates(table)
        return "date" if self.as_date else found.pop()

    def _check_dates(self, table: Table) -> None:
        wrong = [self._first[sort] for sort in ("text", "impossible") if sort in self._first]
        if wrong:
            row, text = min(wrong)
            written = "the format 2024-12-31, or as `dates` says,"
            if self.date_format is not None:
                written = f"the format {self.date_format!r}"
            raise _checks.InvalidArgument(
                table.argument,
                f"hold dates in {written} in column {self.name!r}",
                text,
                f"Correct it, or take the column as text with categorical=({self.name!r},).",
                got=f"{text!r} in {table.place(row)}",
            )

    def _refuse_mixed(self, table: Table, sort: str, other: tuple[int, str]) -> None:
        row, text = self._first[sort]
        raise _checks.InvalidArgument(
            table.argument,
            f"hold either {sort}s or text in column {self.name!r}",
            other[1],
            f"Correct the text, or take all of it as text with categorical=({self.name!r},).",
            got=f"{sort}s ({table.place(row)}: {text!r}) and text "
            f"({table.place(other[0])}: {other[1]!r})",
        )

    def describe_missing(self, table: Table) -> str:
        """Returns the number of missing values and their first rows, for an error."""
        more = ", ..." if self.missing > _MOST_ROWS else ""
        return f"{self.missing} ({table.places(self.missing_rows)}{more})"


def _merged(texts: pl.Series, numbers: pl.Series) -> tuple[str, str] | None:
    """Returns two texts of different integers that are one number in float64, if there are any."""
    large = texts.filter((numbers.abs() >= FLOAT64_INTEGERS) & numbers.is_finite())
    found: dict[float, str] = {}
    for text in large:
        other = found.setdefault(float(text), text)
        if decimal.Decimal(other) != decimal.Decimal(text):
            return other, text
    return None


def _is_number(text: str) -> bool:
    return pl.Series([text]).cast(pl.Float64, strict=False)[0] is not None


def _bare(cell: str) -> str:
    """Returns a number of a spreadsheet without currency, percent sign, commas and spaces."""
    return _THOUSANDS.sub("", cell.strip("$€£%").strip()).replace(",", "")
