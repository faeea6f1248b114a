"""What the columns of a table hold: numbers, names, booleans or dates."""

import polars as pl
import tensorflow as tf

from kerasnn.data.tables.columns.dates import DateFormat, parse_dates
from kerasnn.data.tables.table import Table

_LARGEST = 3.4028234663852886e38
_MOST_ROWS = 5
_BOOLEANS = ("true", "false")
# Integers from here on are not exact in float64.
_EXACT = 2**53


class ColumnSummary:
    """Summary of the values of one column: kind, missing values, what cannot be read.

    Args:
        name: The column's name.
        as_text: Whether numbers, booleans and dates count as names.
        date_format: Format of dates; None takes ISO's.
        as_date: Whether all values must be dates.
    """

    def __init__(
        self,
        name: str,
        *,
        as_text: bool = False,
        date_format: str | None = None,
        as_date: bool = False,
    ) -> None:
        self.name = name
        self.as_text = as_text
        self.as_date = as_date
        self.date_format = date_format
        self.missing = 0
        self.missing_rows: list[int] = []
        self._format = DateFormat.parse(date_format)
        # The first row with a value of each sort, and the value.
        self._first: dict[str, tuple[int, str]] = {}

    def update(self, values: pl.Series, start: int) -> None:
        """Adds the values of a block whose first row has the index `start`."""
        self.missing += values.null_count()
        if values.null_count() and len(self.missing_rows) < _MOST_ROWS:
            rows = values.is_null().arg_true()[:_MOST_ROWS] + start
            self.missing_rows = [*self.missing_rows, *rows.to_list()][:_MOST_ROWS]
        if values.dtype == pl.Float64 and not (self.as_text or self.as_date):
            self._note("number", values, values.is_not_null(), start)
            self._note("large", values, ~(values.abs() <= _LARGEST), start)
        elif values.dtype == pl.Boolean and not self.as_text:
            self._note("boolean", values, values.is_not_null(), start)
        else:
            self._update_texts(texts_of(values), start)

    def _update_texts(self, values: pl.Series, start: int) -> None:
        # Each different text is looked at once.
        texts = values.unique().drop_nulls()
        sorts = {"text": texts}
        if not self.as_text:
            is_date = texts.str.contains(self._format.pattern)
            dates, others = texts.filter(is_date), texts.filter(~is_date)
            sorts = {"date": dates, "text": others}
            if not self.as_date:
                is_number = others.cast(pl.Float64, strict=False).is_not_null()
                lower = others.str.to_lowercase()
                is_boolean = lower.is_in(_BOOLEANS)
                sorts["number"] = others.filter(is_number)
                sorts["boolean"] = others.filter(is_boolean)
                sorts["text"] = others.filter(~is_number & ~is_boolean)
            if len(dates):
                valid = parse_dates(tf.constant(dates.to_numpy()), self._format).valid.numpy()
                sorts["impossible"] = dates.filter(pl.Series(~valid, dtype=pl.Boolean))
        for sort, found in sorts.items():
            if len(found) and sort not in self._first:
                self._note(sort, values, values.is_in(found.implode()), start)

    def _note(self, sort: str, values: pl.Series, selected: pl.Series, start: int) -> None:
        if sort not in self._first and selected.any():
            row = selected.arg_true()[0]
            self._first[sort] = (start + row, str(values[row]))

    def kind(self, table: Table) -> str:
        """Returns "number", "category", "boolean" or "date".

        Raises:
            ValueError: If the column is mixed or empty, or holds what cannot be read.
        """
        found = set(self._first) - {"large", "impossible"}
        if not found:
            raise ValueError(
                f"Column {self.name!r} holds no value at all. Leave it out with "
                f"drop=({self.name!r},)."
            )
        if "large" in self._first:
            row, text = self._first["large"]
            raise ValueError(
                f"Column {self.name!r}, {table.place(row)}: {table.cell(self.name, row)!r} is not "
                "a finite float32. Correct it or drop the row."
            )
        if self.as_text:
            return "category"
        if self.as_date:
            self._check_dates(table)
            return "date"
        if "number" in found and len(found) > 1:
            others = min(self._first[sort] for sort in found - {"number"})
            self._refuse_mixed(table, "numbers", self._first["number"], others)
        if "date" in found and len(found) > 1:
            others = min(self._first[sort] for sort in found - {"date"})
            self._refuse_mixed(table, "dates", self._first["date"], others)
        if "text" in found:
            row, text = self._first["text"]
            if _is_number(_bare(text)):
                raise ValueError(
                    f"Column {self.name!r}, {table.place(row)}: {text!r} looks like a "
                    "number and cannot be read as one. Write it with digits and a point alone, as "
                    f"in 1234.5, or take the column as text with categorical=({self.name!r},)."
                )
            return "category"
        self._check_dates(table)
        return found.pop()

    def _check_dates(self, table: Table) -> None:
        wrong = min(
            (self._first[s] for s in ("text", "impossible") if s in self._first), default=None
        )
        if wrong is not None:
            row, text = wrong
            written = (
                "in the format 2024-12-31, or as `dates` says"
                if self.date_format is None
                else f"in the format {self.date_format!r}"
            )
            raise ValueError(
                f"Column {self.name!r}, {table.place(row)}: {text!r} is no date {written}. "
                f"Correct it, or take the column as text with categorical=({self.name!r},)."
            )

    def _refuse_mixed(
        self, table: Table, words: str, first: tuple[int, str], other: tuple[int, str]
    ) -> None:
        raise ValueError(
            f"Column {self.name!r} holds {words} ({table.place(first[0])}: {first[1]!r}) and text "
            f"({table.place(other[0])}: {other[1]!r}). Correct the text, or take all of it as "
            f"text with categorical=({self.name!r},)."
        )

    def describe_missing(self, table: Table) -> str:
        """Returns the number of missing values and their first rows, for an error."""
        more = ", ..." if self.missing > _MOST_ROWS else ""
        return f"{self.missing} ({table.places(self.missing_rows)}{more})"


def raw_values(values: pl.Series, kind: str) -> pl.Series:
    """Returns a column as the encoder takes it: numbers as `pl.Float64`, all others as text."""
    if kind == "number":
        return values.cast(pl.Float64)
    return texts_of(values)


def texts_of(values: pl.Series) -> pl.Series:
    """Returns values as text: numbers in their shortest digits, dates as ISO's.

    >>> texts_of(pl.Series([1.0, 2.5, None])).to_list()
    ['1', '2.5', None]
    >>> texts_of(pl.Series([True])).to_list()
    ['True']
    """
    if values.dtype == pl.String:
        return values
    if values.dtype == pl.Boolean:
        names = pl.when(pl.first()).then(pl.lit("True")).when(~pl.first()).then(pl.lit("False"))
        return values.to_frame().select(names.alias(values.name)).to_series()
    if values.dtype == pl.Float64:
        whole = (values.floor() == values) & (values.abs() < _EXACT)
        integers = values.cast(pl.Int64, strict=False).cast(pl.String)
        return values.cast(pl.String).zip_with(~whole.fill_null(value=False), integers)
    if values.dtype == pl.Date:
        return values.dt.to_string("%Y-%m-%d")
    text = values.dt.to_string("%Y-%m-%d %H:%M:%S%.f")
    return text.str.replace(r"\.?0+$", "") if text.str.contains(r"\.").any() else text


def _is_number(text: str) -> bool:
    return pl.Series([text]).cast(pl.Float64, strict=False)[0] is not None


def _bare(cell: str) -> str:
    """Returns a number of a spreadsheet without currency, percent sign and commas."""
    return cell.strip("$€£% ").replace(",", "")
