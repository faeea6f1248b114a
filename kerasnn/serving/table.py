"""CSV files as rows for a model."""

import csv
import pathlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from kerasnn.data.csv_columns import is_missing
from kerasnn.serving import cells
from kerasnn.serving.c_session import Tensor

_LONGEST_CELL = 2**31 - 1


class _Row(NamedTuple):
    line: int
    cells: list[str]


def read(file: pathlib.Path, inputs: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Returns input name -> rows.

    A model of one input takes all columns, in their order; a first line without any number is a
    header then, unless the input takes strings. A model of several inputs takes one column for
    each, which the first line names.

    Raises:
        ValueError: If the file has no rows, rows of different lengths, lacks a column or has it
            twice, or holds what the model's input cannot.
    """
    rows = _rows(file)
    [[name, tensor], *others] = inputs.items()
    header: list[str] = []
    if others or _is_header(file, rows[0], tensor):
        header, rows = [cell.strip() for cell in rows[0].cells], rows[1:]
    if not rows:
        raise ValueError(
            f"{file} must hold at least one row of values, with commas between them; its only line "
            f"is a header: {', '.join(header)}."
        )
    if not others:
        return {name: _array(file, rows, range(len(rows[0].cells)), tensor)}
    for name in inputs:
        if header.count(name) != 1:
            raise ValueError(
                f"{file} must have one column {name!r}, which is an input of the model; its first "
                f"line names {', '.join(header)}."
            )
    return {
        name: _array(file, rows, [header.index(name)], tensor) for name, tensor in inputs.items()
    }


def _rows(file: pathlib.Path) -> list[_Row]:
    with file.open(newline="", encoding="utf-8-sig") as lines:
        reader = csv.reader(lines, strict=True)
        # The reader's own limit is a guess at what a cell can be.
        before = csv.field_size_limit(_LONGEST_CELL)
        try:
            lines_read = [_Row(reader.line_num, row) for row in reader]
        except (csv.Error, UnicodeError) as error:
            raise ValueError(f"{file} must be a CSV file in UTF-8; {error}.") from None
        finally:
            csv.field_size_limit(before)
    rows = [row for row in lines_read if row.cells]
    if not rows:
        raise ValueError(f"{file} must hold at least one row of values; it is empty.")
    blank = next((row.line for row in lines_read if not row.cells), None)
    if len(rows[0].cells) == 1 and blank is not None:
        raise ValueError(
            f"{file} must hold a value in each line of its one column; line {blank} is blank. "
            'Leave it out, or write "" for an empty text.'
        )
    for row in rows:
        if len(row.cells) != len(rows[0].cells):
            raise ValueError(
                f"{file} must have rows, all of one length; line {row.line} has {len(row.cells)} "
                f"cells, and line {rows[0].line} has {len(rows[0].cells)}."
            )
    return rows


def _is_header(file: pathlib.Path, row: _Row, tensor: Tensor) -> bool:
    """Raises where a first line is neither names nor numbers: to pass over it would lose a row."""
    if tensor.dtype == object:
        return False
    numbers = [cells.is_number(cell, tensor.dtype) for cell in row.cells]
    if any(numbers) and not all(numbers):
        place = numbers.index(False)
        raise ValueError(
            f"{file} must begin with a line of numbers, or of names for all columns; got "
            f"{row.cells[place]!r} in line {row.line}, column {place + 1}, among numbers. Write "
            "the number there, or name every column."
        )
    # What stands for missing values is a row without them, and no header.
    return not any(numbers) and not all(is_missing(cell.strip()) for cell in row.cells)


def _array(
    file: pathlib.Path, rows: Sequence[_Row], columns: Sequence[int], tensor: Tensor
) -> np.ndarray:
    values = []
    for row in rows:
        for column in columns:
            try:
                values.append(cells.value(row.cells[column], tensor.dtype))
            except ValueError:
                raise ValueError(
                    f"{file} must hold {cells.rule(tensor.dtype)} for this model, with commas "
                    f"between them; got {row.cells[column]!r} in line {row.line}, column "
                    f"{column + 1}."
                ) from None
    # An input of one value a row may have no axis for it.
    is_flat = tensor.shape is not None and len(tensor.shape) == 1 and len(columns) == 1
    shape = [len(rows)] if is_flat else [len(rows), len(columns)]
    return np.array(values, tensor.dtype).reshape(shape)
