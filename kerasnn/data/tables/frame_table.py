"""Tables in memory: frames of pandas, Polars and pyarrow."""

import datetime
import numbers
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from kerasnn import _checks
from kerasnn._core.raw_rows import text_of
from kerasnn.data.tables.table import (
    FLOAT64_INTEGERS,
    LEADING_ZEROS,
    Table,
    clean_text,
    missing_numbers,
    missing_texts,
)

_SLICE_ROWS = 1 << 16
_MAKE = "Make it a frame, as in `polars.DataFrame(columns)`."
_TYPES = "numbers, text, booleans and dates"


class FrameTable(Table):
    """A frame of pandas, Polars (lazy ones too) or pyarrow.

    Categories are text. None, NaN, NaT and `pandas.NA` are missing. Of times with a time zone
    the table has UTC. An index of pandas is no column.

    Args:
        frame: The frame.
        missing_values: Texts, or numbers as text, that stand for a missing value; the empty text
            always does.
        as_text: Columns that are text although they hold something else: integers exactly, other
            numbers in their shortest digits, booleans as "True" and "False", dates in ISO 8601.
        drop: Columns to leave out, which may be of any type.

    Raises:
        InvalidArgument: If this is no frame, if a column's name is no text or stands there twice,
            or if a column holds something else than numbers, text, booleans and dates.
    """

    argument = "frame"

    def __init__(
        self,
        frame: Any,
        *,
        missing_values: Collection[str] = ("",),
        as_text: Collection[str] = (),
        drop: Collection[str] = (),
    ) -> None:
        self.source = "the frame"
        frame = _collected(frame)
        self.names = _names(frame)
        missing = missing_texts(missing_values)
        eager = nw.from_native(frame, eager_only=True)
        columns = {}
        for name in self.names:
            if name not in drop:
                columns[name] = _column(eager[name], as_text=name in as_text)
        self._given = pl.DataFrame(columns)
        codes = missing_numbers(missing)
        numeric = pl.col(pl.Float64)
        frame = self._given.with_columns(
            pl.when(~numeric.is_in(codes)).then(numeric) if len(codes) else numeric
        )
        text = [name for name, kind in frame.schema.items() if kind == pl.String]
        self._frame = frame.with_columns(clean_text(frame, text, missing).get_columns())

    def frame(self) -> pl.DataFrame:
        """Returns all rows."""
        return self._frame

    def frames(self, *, progress: bool = False) -> Iterator[pl.DataFrame]:
        """Yields the rows in their order, in slices."""
        yield from self._frame.iter_slices(_SLICE_ROWS)

    def places(self, rows: Sequence[int]) -> str:
        """Returns the indices of rows, from 0: "row 1, 4"."""
        return f"row {', '.join(map(str, rows))}"

    def cell(self, name: str, row: int) -> str:
        """Returns a cell as text."""
        value = self._given[name][row]
        return "" if value is None else shortest_text(value)

    def leading_zeros(self, name: str) -> str:
        """Returns a text such as 01234."""
        column = self._frame[name]
        if column.dtype != pl.String:
            return ""
        found = column.filter(column.str.contains(LEADING_ZEROS))
        return found[0] if len(found) else ""


def shortest_text(value: Any) -> str:
    """Returns the text of a number, boolean, date or text.

    >>> [shortest_text(value) for value in (3, 3.0, 0.1, True, "a", datetime.date(1969, 7, 20))]
    ['3', '3', '0.1', 'True', 'a', '1969-07-20']
    """
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, datetime.date):
        # The same text as of a row that is asked about later.
        return text_of(value)
    if isinstance(value, numbers.Integral):
        return str(int(value))
    return repr(float(value)).removesuffix(".0")


def _collected(frame: Any) -> Any:
    """Returns a frame in memory."""
    try:
        given = nw.from_native(frame)
    except TypeError:
        raise _checks.InvalidArgument(
            "frame",
            "be a table of pandas, Polars or pyarrow",
            frame,
            "Read a CSV file by `data.from_csv`."
            if isinstance(frame, (str, os.PathLike))
            else _MAKE,
            got=f"{type(frame).__module__}.{type(frame).__qualname__}",
        ) from None
    except nw.exceptions.DuplicateError:
        return frame
    return given.collect().to_native() if isinstance(given, nw.LazyFrame) else frame


def _names(frame: Any) -> tuple[str, ...]:
    names = list(frame.column_names if nw.dependencies.is_pyarrow_table(frame) else frame.columns)
    if not names:
        raise _checks.InvalidArgument("frame", "have columns", frame, got="a frame without any")
    for name in names:
        if not isinstance(name, str):
            raise _checks.InvalidArgument(
                "frame",
                "name its columns with text",
                name,
                "With pandas: `frame.columns = [str(name) for name in frame.columns]`.",
                got=f"a column called {name!r}",
            )
        if names.count(name) > 1:
            raise _checks.InvalidArgument(
                "frame",
                "have columns of different names",
                name,
                "Rename one of them, or drop it.",
                got=f"two columns called {name!r}",
            )
    return tuple(names)


def _column(series: nw.Series, *, as_text: bool) -> pl.Series:
    """Returns a column of a frame as Float64, Boolean, Date, Datetime or String."""
    kind, native = series.dtype, series.to_native()
    is_number = kind.is_numeric() and not isinstance(kind, nw.Decimal)
    is_time = isinstance(kind, nw.Datetime)
    if nw.dependencies.is_polars_series(native):
        column = native
    elif nw.dependencies.is_pyarrow_chunked_array(native):
        column = pl.Series(series.name, native)
    elif is_number and not as_text:
        column = pl.Series(series.name, native.to_numpy("float64", na_value=np.nan))
        if kind.is_integer() and _merges(series, column):
            return _of_objects(series.name, _listed(series), as_text=True)
    elif is_time and not as_text:
        column = pl.Series(series.name, native.to_numpy("datetime64[us]"))
    else:
        # Booleans and dates of pandas come as objects, too. Its categories may be numbers.
        as_text = as_text or isinstance(kind, (nw.Categorical, nw.Enum))
        return _of_objects(series.name, _listed(series), as_text=as_text)
    return _of_polars(column, as_text=as_text)


def _listed(series: nw.Series) -> list:
    """Returns values of Python's types, None where one is missing."""
    absent = series.is_null().to_list()
    return [None if null else v for v, null in zip(series.to_list(), absent, strict=True)]


def _merges(integers: Any, floats: pl.Series) -> bool:
    """Whether different integers are one number in float64."""
    is_large = (floats.abs() >= FLOAT64_INTEGERS).any()
    return bool(is_large) and integers.n_unique() > floats.n_unique()


def _of_polars(column: pl.Series, *, as_text: bool) -> pl.Series:
    kind = column.dtype
    if isinstance(kind, (pl.Categorical, pl.Enum)):
        return column.cast(pl.String)
    if isinstance(kind, pl.Datetime):
        if kind.time_zone is not None:
            column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        column = column.cast(pl.Datetime("us"))
    elif kind.is_numeric() and not kind.is_decimal():
        as_text = as_text or (kind.is_integer() and _merges(column, column.cast(pl.Float64)))
        column = column.cast(pl.Float64) if kind.is_float() or not as_text else column
    elif kind == pl.Null:
        column = column.cast(pl.Float64)
    elif kind not in (pl.String, pl.Boolean, pl.Date):
        raise _refusal(column.name, str(kind))
    if column.dtype == pl.Float64:
        column = column.fill_nan(None)
    if as_text and column.dtype != pl.String:
        return _of_objects(column.name, column.to_list(), as_text=True)
    return column


def _of_objects(name: str, values: list, *, as_text: bool) -> pl.Series:
    """Returns a column of Python's values, of which None is missing."""
    kinds = {type(value) for value in values if value is not None}
    for kind in kinds:
        if not issubclass(kind, (str, bool, np.bool_, numbers.Real, datetime.date)):
            raise _refusal(name, kind.__name__)
    if kinds == {str}:
        return pl.Series(name, values, pl.String)
    large = {v for v in values if isinstance(v, int) and abs(v) >= FLOAT64_INTEGERS}
    as_text = as_text or len(large) > len(set(map(float, large)))
    dtype, convert = (pl.String, shortest_text) if as_text else _common_type(kinds)
    return pl.Series(name, [None if v is None else convert(v) for v in values], dtype)


def _common_type(kinds: set[type]) -> tuple[Any, Callable[[Any], Any]]:
    """Returns a column's type and the conversion to it; text if values have different types."""
    if kinds and all(issubclass(kind, (bool, np.bool_)) for kind in kinds):
        return pl.Boolean, bool
    if all(issubclass(kind, numbers.Real) and kind is not bool for kind in kinds):
        return pl.Float64, float
    if all(issubclass(kind, datetime.datetime) for kind in kinds):
        return pl.Datetime("us"), _in_utc
    if kinds == {datetime.date}:
        return pl.Date, lambda value: value
    return pl.String, shortest_text


def _in_utc(value: datetime.datetime) -> datetime.datetime:
    return value if value.tzinfo is None else value.astimezone(datetime.UTC).replace(tzinfo=None)


def _refusal(name: str, kind: str) -> _checks.InvalidArgument:
    convert = "Convert the column"
    if kind.lower().startswith("decimal"):
        convert += " to numbers, with `.astype('float64')` or Polars's `.cast(pl.Float64)`"
    elif kind.lower().startswith(("timedelta", "duration")):
        convert += " to numbers, with `.dt.total_seconds()`"
    return _checks.InvalidArgument(
        "frame",
        f"hold {_TYPES}",
        kind,
        f"{convert}, or, if it is not the target, leave it out with drop=({name!r},).",
        got=f"values of type {kind} in column {name!r}",
    )
