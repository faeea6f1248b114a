"""Rows of a table by column name, as arrays of the types that a program takes.

Needs neither Keras nor TensorFlow, so that a process that only predicts can use it.
"""

import dataclasses
import datetime
import decimal
import numbers
from collections.abc import Iterable, Mapping
from typing import Any

import narwhals as nw
import numpy as np

from kerasnn._checks.arguments import did_you_mean
from kerasnn._checks.arrays import windows
from kerasnn._checks.conversion import refuse_masked
from kerasnn._checks.errors import InvalidArgument

# Cells that stand for a missing value, by default.
MISSING_VALUES = (
    *("", "?", "NA", "na", "N/A", "n/a", "#N/A"),
    *("NaN", "nan", "NAN", "NULL", "null", "Null"),
)
# An error names so many columns.
_MOST_NAMES = 6
_FORMS = "a dictionary of columns, a list of dictionaries, or a frame of pandas, polars or pyarrow"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tensor:
    """Type of one input or output of a program.

    Attributes:
        dtype: NumPy's type; of strings that is `object`.
        shape: Sizes of its axes, None where any fits; None where even their number is free.
    """

    dtype: np.dtype
    shape: tuple[int | None, ...] | None


def types_of(columns: Mapping[str, Any]) -> dict[str, Tensor]:
    """Returns column name -> type, of the `keras.KerasTensor`s that an encoder takes."""
    return {
        name: Tensor(
            dtype=np.dtype(object if tensor.dtype == "string" else tensor.dtype),
            shape=(None, *tensor.shape[1:]),
        )
        for name, tensor in columns.items()
    }


def columns_of(
    rows: Any, inputs: Mapping[str, Tensor], *, argument: str = "x"
) -> dict[str, np.ndarray]:
    """Returns column name -> array of the input's type, in the order of `inputs`.

    | in                              | a number becomes    | a text becomes              |
    |---------------------------------|---------------------|-----------------------------|
    | None, NaN, NaT, NA              | NaN                 | `""`                        |
    | an integer, a float, a decimal  | that number         | its shortest text, 4 of 4.0 |
    | a boolean                       | 0 or 1              | `"True"` or `"False"`       |
    | a date, or one with a time      | an error            | 1969-07-20, and 20:17:00,   |
    |                                 |                     | in UTC if it has a zone     |
    | a text                          | an error            | that text                   |

    Args:
        rows: Dictionary of columns, list of dictionaries, or frame of pandas, polars or pyarrow;
            the order of the columns does not matter.
        inputs: Column name -> its type: `(batch,)`, or `(batch, n)` for n values a row.
        argument: Name of `rows` in errors.

    Raises:
        InvalidArgument: If a column is missing or unknown, if columns differ in length, or if a
            value is of another kind, infinite, or beyond the type's range.

    Example:
        >>> floats = Tensor(dtype=np.dtype("float32"), shape=(None,))
        >>> texts = Tensor(dtype=np.dtype(object), shape=(None,))
        >>> rows = [{"km/h": 90, "colour": "red"}, {"colour": None, "km/h": None}]
        >>> columns_of(rows, {"colour": texts, "km/h": floats})
        {'colour': array(['red', ''], dtype=object), 'km/h': array([90., nan], dtype=float32)}
    """
    columns = _columns(argument, rows, inputs)
    _check_names(argument, rows, columns, inputs)
    arrays = {name: _array(name, columns[name], tensor) for name, tensor in inputs.items()}
    if len({len(array) for array in arrays.values()}) > 1:
        raise InvalidArgument(
            argument,
            "hold equally many rows for each column",
            rows,
            got=", ".join(f"{name!r}: {len(array)}" for name, array in arrays.items()),
        )
    return arrays


def have_names(rows: Any) -> bool:
    """Returns whether rows have names of columns: one of the forms of `columns_of`, not empty."""
    if isinstance(rows, (list, tuple)):
        return bool(rows) and all(isinstance(row, Mapping) for row in rows)
    return isinstance(rows, Mapping) or isinstance(_frame(rows), nw.DataFrame)


def text_of(value: Any) -> str:
    """Returns a value as a column of text holds it; for the rules see `columns_of`.

    >>> [text_of(value) for value in (None, 4.0, 0.5, True, datetime.date(1969, 7, 20))]
    ['', '4', '0.5', 'True', '1969-07-20']

    Raises:
        TypeError: If it is none of the kinds that `columns_of` takes.
    """
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bytes):
        return value.decode()
    if is_missing(value):
        return ""
    if isinstance(value, np.datetime64):
        is_day = np.datetime_data(value.dtype)[0] in ("Y", "M", "W", "D")
        value = value.astype("datetime64[D]" if is_day else "datetime64[us]").item()
    if isinstance(value, datetime.datetime):
        if value.tzinfo is not None:
            value = value.astimezone(datetime.UTC).replace(tzinfo=None)
        text = value.isoformat(" ", "microseconds")
        return text.rstrip("0").removesuffix(".") if not text.endswith(".000000") else text[:-7]
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (bool, np.bool_, numbers.Real, decimal.Decimal)):
        return str(value).removesuffix(".0")
    raise TypeError(f"{value!r} is no text")


def is_missing(value: Any) -> bool:
    """Returns whether a single value is None, NaN, NaT or NA."""
    # NA of pandas is neither equal nor unequal to itself.
    return value is None or repr(value) == "<NA>" or bool(np.all(value != value))


def _columns(argument: str, rows: Any, inputs: Mapping[str, Tensor]) -> dict[str, Any]:
    """Returns column name -> values, of any container."""
    if isinstance(rows, Mapping):
        return {str(name): values for name, values in rows.items()}
    if isinstance(rows, (list, tuple)) and all(isinstance(row, Mapping) for row in rows):
        for place, row in enumerate(rows):
            _check_names(argument, rows, row, inputs, f" in row {place}")
        return {name: [row[name] for row in rows] for name in inputs}
    frame = _frame(rows)
    if not isinstance(frame, nw.DataFrame):
        raise InvalidArgument(
            argument,
            f"hold rows by column name: {_FORMS}",
            rows,
            f"The columns are {', '.join(map(repr, inputs))}.",
            got=f"a {type(rows).__name__}",
        )
    # Names of pandas may be numbers.
    return dict(zip(map(str, frame.columns), frame.iter_columns(), strict=True))


def _frame(rows: Any) -> Any:
    return nw.from_native(rows, eager_only=True, pass_through=True)


def _check_names(
    argument: str, rows: Any, found: Iterable[str], inputs: Mapping[str, Tensor], where: str = ""
) -> None:
    names = list(map(str, found))
    missing = [name for name in inputs if name not in names]
    unknown = [name for name in names if name not in inputs]
    if missing:
        near = did_you_mean(missing[0], unknown) if len(missing) == 1 else ""
        raise InvalidArgument(
            argument,
            f"have the column{'s' * (len(missing) > 1)} {_listed(missing)}",
            rows,
            f"{near} Then rename it to {missing[0]!r}." if near else "",
            got=f"{_listed(names, 2 * _MOST_NAMES) or 'no column'}{where}",
        )
    if unknown:
        raise InvalidArgument(
            argument,
            f"have only columns of the model: {', '.join(map(repr, inputs))}",
            rows,
            # All columns of the model are there, so that none of these stands for one of them.
            f"Leave {'those columns' if len(unknown) > 1 else 'that column'} out.",
            got=f"{_listed(unknown)}{where}",
        )


def _listed(names: list[str], most: int = _MOST_NAMES) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + more


def _array(name: str, values: Any, tensor: Tensor) -> np.ndarray:
    if isinstance(values, (str, bytes)) or not hasattr(values, "__len__"):
        raise InvalidArgument(
            name,
            "be a column, a list or an array of values",
            values,
            "Give one row as a list of one dictionary.",
        )
    refuse_masked(name, values)
    size = tensor.shape[1] if tensor.shape is not None and len(tensor.shape) > 1 else None
    if size is not None:
        values = _flat(name, values, size)
    array = _typed(name, values, tensor.dtype, 1 if size is None else size)
    return array if size is None else array.reshape(-1, size)


def _flat(name: str, values: Any, size: int) -> list[Any]:
    """Returns the values of rows of `size` values each, in one list."""
    rows = [[row] if np.ndim(row) == 0 else list(row) for row in values]
    for place, row in enumerate(rows):
        if len(row) != size:
            raise InvalidArgument(
                name,
                f"hold {size} values in each row",
                values,
                # As the column of a series has them.
                windows(f"sliding_window_view(x[{name!r}], {size})") if len(row) == 1 else "",
                got=f"{len(row)} in row {place}",
            )
    return [value for row in rows for value in row]


def _typed(name: str, values: Any, dtype: np.dtype, size: int) -> np.ndarray:
    """Returns a flat array of values; `size` of them are one row."""
    values = _sequence(values, is_text=dtype.kind == "O")
    if getattr(values, "ndim", 1) != 1:
        raise InvalidArgument(
            name, "hold one value in each row", values.shape, got=f"shape {values.shape}"
        )
    if dtype.kind == "O":
        found = np.empty(len(values), object)
        found[:] = [_one(text_of, "text", name, values, i, size) for i in range(len(values))]
        return found
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        floats = values.astype(np.float64)
    else:
        read = [_one(_number, "numbers", name, values, i, size) for i in range(len(values))]
        floats = np.array(read, np.float64)
    return _cast(name, floats, dtype, size)


def _sequence(values: Any, *, is_text: bool) -> Any:
    """Returns a column of any container as a list or an array, of numbers where it holds them."""
    if not isinstance(values, (list, tuple, np.ndarray)):
        series = nw.from_native(values, series_only=True, pass_through=True)
        if isinstance(series, nw.Series):
            is_number = not is_text and series.dtype.is_numeric()
            return series.cast(nw.Float64).to_numpy() if is_number else series.to_list()
        return list(values)
    if isinstance(values, (list, tuple)) and not is_text and set(map(type, values)) == {float}:
        return np.array(values)
    return values


def _one(read: Any, kind: str, name: str, values: Any, place: int, size: int) -> Any:
    try:
        return read(values[place])
    except (TypeError, ValueError):
        raise InvalidArgument(
            name,
            f"hold {kind}",
            values[place],
            got=f"{values[place]!r} in row {place // size}",
        ) from None


def _number(value: Any) -> float:
    if isinstance(value, (bool, np.bool_, numbers.Real, decimal.Decimal)):
        try:
            return float(value)
        except OverflowError:
            return float("inf")
    # After the numbers, since text is never NaN.
    if isinstance(value, (str, bytes)) or not is_missing(value):
        raise TypeError(f"{value!r} is no number")
    return float("nan")


def _cast(name: str, floats: np.ndarray, dtype: np.dtype, size: int) -> np.ndarray:
    """Returns numbers as `dtype`; NaN stays where that is a float, and is an error elsewhere."""
    if dtype.kind in "biu":
        bounds = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        is_valid = (floats == np.floor(floats)) & (floats >= bounds[0]) & (floats <= bounds[1])
        rule = f"hold integers from {bounds[0]} to {bounds[1]}"
    else:
        with np.errstate(over="ignore"):
            is_valid = np.isnan(floats) | np.isfinite(floats.astype(dtype))
        rule = f"hold finite numbers, of a size that {dtype.name} can hold"
    if not is_valid.all():
        place = int(np.argmin(is_valid))
        raise InvalidArgument(
            name, rule, floats[place], got=f"{floats[place]:g} in row {place // size}"
        )
    return floats.astype(dtype)
