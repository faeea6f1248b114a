"""CSV files and JSON files as rows for a model."""

import codecs
import csv
import json
import pathlib
import shlex
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

from kerasnn._checks import InvalidArgument, did_you_mean
from kerasnn._core.raw_rows import MISSING_VALUES
from kerasnn.serving.graph.tensor_names import of_column
from kerasnn.serving.runtime.coerce_inputs import Tensor

_LONGEST_CELL = 2**31 - 1
_BOOLEANS = {"0": False, "1": True, "false": False, "true": True}


class Source(NamedTuple):
    """A file, and the argument of the command that named it.

    Attributes:
        file: The file.
        argument: The argument, for errors.
    """

    file: pathlib.Path
    argument: str = "INPUT"

    def refusal(self, rule: str, value: Any, hint: str = "", *, got: str) -> InvalidArgument:
        """Returns the error of a file that breaks a rule."""
        return InvalidArgument(
            self.argument, rule, value, hint.strip(), got=f"{got} in {self.file}"
        )


class Format(NamedTuple):
    """How a CSV file is written.

    Attributes:
        delimiter: The character between two cells.
        encoding: Its encoding.
    """

    delimiter: str = ","
    encoding: str = "utf-8-sig"

    def check(self) -> None:
        """Raises InvalidArgument unless both can be used."""
        if len(self.delimiter) != 1 or self.delimiter in '"\r\n':
            raise InvalidArgument(
                "--delimiter", "be one character, neither a quote nor a line end", self.delimiter
            )
        try:
            codecs.lookup(self.encoding)
        except LookupError:
            raise InvalidArgument(
                "--encoding", "be an encoding that Python knows", self.encoding, "Such as cp1252."
            ) from None

    def hint(self, cells: Sequence[str]) -> str:
        """Returns a hint at another delimiter where the first line is one cell that holds it."""
        found = [other for other in ";\t|," if other != self.delimiter and other in cells[0]]
        if len(cells) > 1 or not found:
            return ""
        shown = "$'\\t'" if found[0] == "\t" else f"'{found[0]}'"
        return f" Its first line is one cell that holds {found[0]!r}: give --delimiter {shown}?"


_COMMAS = Format()


class Table(NamedTuple):
    """A CSV file as rows for a model.

    Attributes:
        rows: Input name -> rows.
        ignored_names: Names of columns that were taken by position, since the model knows none.
    """

    rows: dict[str, np.ndarray]
    ignored_names: list[str]


class _Row(NamedTuple):
    line: int
    cells: list[str]


def read(
    source: Source,
    inputs: Mapping[str, Tensor],
    *,
    header: bool | None = None,
    written: Format = _COMMAS,
) -> Table:
    """Returns a CSV file as rows for a model.

    A model of several inputs takes one column for each by name, which the first line gives, in
    any order; other columns are ignored. A model of one input knows no names and takes all
    columns in their order.

    Args:
        source: The file.
        inputs: Input name -> its type.
        header: Whether the first line is a header. None decides by the cells: a header holds no
            number, and stands over a column of numbers.
        written: Delimiter and encoding.

    Raises:
        InvalidArgument: If the file has no rows, rows of different lengths, lacks a column or has
            it twice, or holds values that the input cannot; if `header` is None and the first line
            may be names or values.
    """
    rows = _rows(source, written)
    [[name, tensor], *others] = inputs.items()
    if others and header is False:
        raise source.refusal(
            f"begin with a line of names, for the model takes {len(inputs)} inputs by name: "
            f"{', '.join(inputs)}",
            header,
            "Write that line, and leave out --no-header.",
            got="--no-header for rows",
        )
    if header is None:
        header = bool(others) or _is_header(source, rows, tensor)
    names: list[str] = []
    if header:
        names, rows = [cell.strip() for cell in rows[0].cells], rows[1:]
    if not rows:
        raise source.refusal(
            "hold at least one row of values, with commas between them",
            names,
            written.hint(names),
            got=f"a header alone, {', '.join(names)},",
        )
    if not others:
        places = range(len(rows[0].cells))
        return Table({name: _array(source, rows, places, tensor, written)}, names)
    places = {name: _place(source, name, names, written) for name in inputs}
    return Table(
        {
            name: _array(source, rows, [places[name]], tensor, written)
            for name, tensor in inputs.items()
        },
        [],
    )


def read_table(
    source: Source,
    inputs: Mapping[str, Tensor],
    *,
    missing_values: Collection[str],
    ignored: Collection[str] = (),
    written: Format = _COMMAS,
) -> dict[str, np.ndarray]:
    """Returns the columns of a CSV file for a model that takes a table.

    The first line names the columns, in any order. A cell of a column of text stays as it is. One
    of a column of numbers is read as for training: to the nearest float64, which is then rounded
    to the column's type; NaN where it stands for a missing value. Where the model takes n past
    steps, the rows are in the order of time, and each n that follow one another are one row.

    Args:
        source: The file.
        inputs: Column name -> its type.
        missing_values: Cells that stand for a missing number; the empty one always does.
        ignored: Columns to leave out.
        written: Delimiter and encoding.

    Raises:
        InvalidArgument: If a column is missing, unknown or there twice; if a cell is no number.
    """
    header, *rows = _rows(source, written, skipinitialspace=True)
    names = [cell.strip() for cell in header.cells]
    missing = [name for name in inputs if name not in names]
    unknown = [name for name in names if name not in inputs and name not in ignored]
    twice = [name for name in inputs if names.count(name) > 1]
    if missing:
        near = written.hint(names).strip() or did_you_mean(missing[0], unknown)
        raise source.refusal(
            f"have a column {missing[0]!r}, which the model takes",
            names,
            near,
            got=f"the names {_listed(names)}",
        )
    if unknown:
        raise source.refusal(
            "have no column that the model does not take",
            unknown[0] if len(unknown) == 1 else unknown,
            f"To leave {'it' if len(unknown) == 1 else 'them'} out, give --ignore "
            f"{shlex.join(unknown)}.",
            got=f"{'a column' if len(unknown) == 1 else 'columns'} {_listed(unknown)}",
        )
    if twice:
        raise source.refusal(f"have one column {twice[0]!r}", twice[0], got="two")
    if not rows:
        raise source.refusal("hold rows below its first line, the names", names, got="none")
    absent = {"", *(text.strip() for text in missing_values)}
    return {
        name: _windows(
            source, _column(source, name, rows, names.index(name), tensor, absent), tensor
        )
        for name, tensor in inputs.items()
    }


def header(source: Source) -> list[str]:
    """Returns the names in the first line of a CSV file."""
    return [cell.strip() for cell in _rows(source, _COMMAS, skipinitialspace=True)[0].cells]


def read_json(source: Source, ignored: Collection[str] = ()) -> list[dict[str, Any]]:
    """Returns the rows of a JSON file: a list of dictionaries, or in `.jsonl` one on each line.

    Raises:
        InvalidArgument: If the file holds anything else.
    """
    rows = _json(source)
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise source.refusal(
            "hold rows, column name -> value: a list of objects, or in a .jsonl file one on each "
            "line",
            rows,
            got="another value",
        )
    return [{name: row[name] for name in row if name not in ignored} for row in rows]


def read_json_inputs(source: Source, names: Sequence[str]) -> dict[str, list[Any]]:
    """Returns the rows of a JSON file for a model without columns: input name -> its values.

    Each row is an object of inputs by name, or where there is one input its value.

    Args:
        source: The file.
        names: Names of the inputs.

    Raises:
        InvalidArgument: If the file holds anything else.
    """
    rows = _json(source)
    if isinstance(rows, list) and len(names) == 1:
        rows = [row if isinstance(row, dict) else {names[0]: row} for row in rows]
    if (
        not isinstance(rows, list)
        or not rows
        or not all(isinstance(row, dict) and row.keys() == set(names) for row in rows)
    ):
        listed = ", ".join(map(repr, names))
        raise source.refusal(
            f"hold a list of rows, each an object with {listed}"
            + (", or its value alone" if len(names) == 1 else ""),
            rows,
            got="another value",
        )
    return {name: [row[name] for row in rows] for name in names}


def _json(source: Source) -> Any:
    try:
        text = source.file.read_text(encoding="utf-8-sig")
        is_lines = source.file.suffix.lower() == ".jsonl"
        lines = [line for line in text.splitlines() if line.strip()]
        return [json.loads(line) for line in lines] if is_lines else json.loads(text)
    except (UnicodeError, RecursionError, ValueError) as error:
        raise source.refusal("hold JSON in UTF-8", str(error), got=f"an error ({error})") from None


def _column(
    source: Source,
    name: str,
    rows: Sequence[_Row],
    place: int,
    tensor: Tensor,
    absent: Collection[str],
) -> np.ndarray:
    cells = [row.cells[place] for row in rows]
    if tensor.dtype == object:
        return np.array(cells, object)
    values = []
    for row, cell in zip(rows, cells, strict=True):
        bare = cell.strip()
        try:
            values.append(float("nan") if bare in absent else _value(bare, tensor.dtype))
        except ValueError:
            raise source.refusal(
                f"hold {_rule(tensor.dtype)} in the column {name!r}",
                cell,
                got=f"{cell!r} in line {row.line}",
            ) from None
    return np.array(values, np.float64)


def _windows(source: Source, column: np.ndarray, tensor: Tensor) -> np.ndarray:
    """Returns a column as the model takes it: as it is, or in windows of past steps."""
    size = tensor.shape[1] if tensor.shape is not None and len(tensor.shape) > 1 else None
    if size is None:
        return column
    if len(column) < size:
        raise source.refusal(
            f"hold at least {size} rows, since the model takes so many past steps",
            len(column),
            got=f"{len(column)}",
        )
    return np.lib.stride_tricks.sliding_window_view(column, size)


def _place(source: Source, name: str, columns: Sequence[str], written: Format) -> int:
    """Returns the position of an input's only column, by its original name or the served one."""
    found = [i for i, column in enumerate(columns) if name in (column, of_column(column))]
    if len(found) != 1:
        raise source.refusal(
            f"have one column {name!r}, which is an input of the model",
            columns,
            written.hint(columns),
            got=f"the names {', '.join(columns)}",
        )
    return found[0]


def _rows(source: Source, written: Format, *, skipinitialspace: bool = False) -> list[_Row]:
    written.check()
    with source.file.open(newline="", encoding=written.encoding) as lines:
        reader = csv.reader(
            lines, strict=True, skipinitialspace=skipinitialspace, delimiter=written.delimiter
        )
        # The default limit of 128 kB is too low for texts.
        before = csv.field_size_limit(_LONGEST_CELL)
        try:
            lines_read = [_Row(reader.line_num, row) for row in reader]
        except UnicodeError as error:
            encoding = "UTF-8" if written.encoding == _COMMAS.encoding else written.encoding
            raise source.refusal(
                f"be a CSV file in {encoding}",
                written.encoding,
                "Name the file's encoding, as in --encoding cp1252 for Excel on Windows.",
                got=f"other bytes ({error})",
            ) from None
        except csv.Error as error:
            raise source.refusal("be a CSV file", str(error), got=f"an error ({error})") from None
        finally:
            csv.field_size_limit(before)
    rows = [row for row in lines_read if row.cells]
    if not rows:
        raise source.refusal("hold at least one row of values", None, got="none")
    blank = next((row.line for row in lines_read if not row.cells), None)
    if len(rows[0].cells) == 1 and blank is not None:
        raise source.refusal(
            "hold a value in each line of its one column",
            blank,
            'Leave it out, or write "" for an empty text.',
            got=f"a blank line {blank}",
        )
    for row in rows:
        if len(row.cells) != len(rows[0].cells):
            raise source.refusal(
                "have rows, all of one length",
                row.cells,
                got=f"{len(row.cells)} cells in line {row.line} and {len(rows[0].cells)} in line "
                f"{rows[0].line}",
            )
    return rows


def _is_header(source: Source, rows: Sequence[_Row], tensor: Tensor) -> bool:
    """Returns whether the first line is a header; raises where the cells do not show it."""
    first, others = rows[0], rows[1:]
    is_number = [_is_number(cell, tensor.dtype) for cell in first.cells]
    rule = "show whether its first line is a header"
    flags = "give --header if it holds names, --no-header if it is a row."
    if all(is_number):
        raise source.refusal(
            rule,
            first.cells,
            f"Names may be numbers, too. To decide, {flags}",
            got=f"numbers, {_listed(first.cells)}, in line {first.line}",
        )
    if tensor.dtype != object:
        if any(is_number):
            place = is_number.index(False)
            raise source.refusal(
                "begin with a line of numbers, or of names for all columns",
                first.cells[place],
                f"Write the number there, or {flags}",
                got=f"{first.cells[place]!r} in line {first.line}, column {place + 1}, among "
                "numbers",
            )
        # A line of missing values is a row, not a header.
        return not all(cell.strip() in MISSING_VALUES for cell in first.cells)
    # Words may be names or values, but a word above a column of numbers is a name.
    columns = zip(*(row.cells for row in others), strict=True)
    if not any(is_number) and any(
        all(_is_number(cell, tensor.dtype) for cell in column) for column in columns
    ):
        return True
    raise source.refusal(
        rule,
        first.cells,
        f"The model takes strings, which may be names or values. To decide, {flags}",
        got=f"{_listed(first.cells)} in line {first.line}",
    )


def _listed(texts: Sequence[str]) -> str:
    return f"{', '.join(texts):.200}"


def _array(
    source: Source,
    rows: Sequence[_Row],
    columns: Sequence[int],
    tensor: Tensor,
    written: Format,
) -> np.ndarray:
    values = []
    for row in rows:
        for column in columns:
            try:
                values.append(_value(row.cells[column], tensor.dtype))
            except ValueError:
                raise source.refusal(
                    f"hold {_rule(tensor.dtype)} for this model, with commas between them",
                    row.cells[column],
                    written.hint(row.cells),
                    got=f"{row.cells[column]!r} in line {row.line}, column {column + 1},",
                ) from None
    # An input of one value a row may have no second axis.
    is_flat = tensor.shape is not None and len(tensor.shape) == 1 and len(columns) == 1
    shape = [len(rows)] if is_flat else [len(rows), len(columns)]
    return np.array(values, tensor.dtype).reshape(shape)


def _rule(dtype: np.dtype) -> str:
    """Returns in words which cells `_value` accepts.

    >>> _rule(np.dtype("uint8"))
    'integers from 0 to 255'
    """
    if dtype.kind == "O":
        return "strings"
    if dtype.kind == "b":
        return "0, 1, true or false"
    if dtype.kind in "iu":
        return f"integers from {np.iinfo(dtype).min} to {np.iinfo(dtype).max}"
    return f"finite numbers up to {float(ml_dtypes.finfo(dtype).max):.2g}"


def _value(cell: str, dtype: np.dtype) -> Any:
    """Returns the value of a cell, for an array of `dtype`.

    Raises:
        ValueError: If the cell holds another kind of value, or one too large for `dtype`.
    """
    if dtype.kind == "O":
        return cell
    if dtype.kind == "b" and cell.strip().lower() in _BOOLEANS:
        return _BOOLEANS[cell.strip().lower()]
    # Python's own numbers may have underscores, and digits of other scripts.
    if dtype.kind == "b" or "_" in cell or not cell.isascii():
        raise ValueError(cell)
    if dtype.kind in "iu":
        number, limits = int(cell), np.iinfo(dtype)
        fits = limits.min <= number <= limits.max
    else:
        number = float(cell)
        fits = abs(number) <= float(ml_dtypes.finfo(dtype).max)
    if not fits:
        raise ValueError(cell)
    return number


def _is_number(cell: str, dtype: np.dtype) -> bool:
    """Returns whether a cell is a number, even one that `dtype` cannot hold, or a boolean."""
    if dtype.kind == "b" and cell.strip().lower() in _BOOLEANS:
        return True
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell
