"""CSV files as rows for a model."""

import csv
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from kerasnn.serving.c_session import Tensor


def read(file: pathlib.Path, inputs: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Returns input name -> rows.

    A model of one input takes all columns, in their order; a first line that holds anything but
    numbers is a header then, unless the input takes strings. A model of several inputs takes one
    column for each, which the first line names.

    Raises:
        ValueError: If the file has no rows, rows of different lengths, lacks a column, or holds
            what is no finite number where one is wanted.
    """
    rows = _rows(file)
    [[name, tensor], *others] = inputs.items()
    header: list[str] = []
    if others or (tensor.dtype != object and not all(map(_is_number, rows[0]))):
        header, *rows = rows
    if not rows:
        why = next((f": {cell!r} is no number" for cell in header if not _is_number(cell)), "")
        raise ValueError(
            f"{file} must hold at least one row of values, with commas between them; its only line "
            f"is a header{why}."
        )
    if not others:
        return {name: _array(file, rows, tensor)}
    for name in inputs:
        if name not in header:
            raise ValueError(
                f"{file} must have a column {name!r}, one of the model's inputs; its first line "
                f"names {', '.join(header)}."
            )
    return {
        name: _array(file, [[row[header.index(name)]] for row in rows], tensor)
        for name, tensor in inputs.items()
    }


def _rows(file: pathlib.Path) -> list[list[str]]:
    with file.open(newline="", encoding="utf-8-sig") as lines:
        try:
            rows = [row for row in csv.reader(lines, strict=True) if row]
        except (csv.Error, UnicodeError) as error:
            raise ValueError(f"{file} must be a CSV file in UTF-8; {error}.") from None
    widths = {len(row) for row in rows}
    if len(widths) != 1:
        raise ValueError(f"{file} must have rows, all of one length; got {sorted(widths)} cells.")
    return rows


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _array(file: pathlib.Path, rows: list[list[str]], tensor: Tensor) -> np.ndarray:
    kind: Any = float
    if tensor.dtype == object:
        kind = str
    elif tensor.dtype.kind in "iu":
        kind = int
    try:
        array = np.array([[kind(cell) for cell in row] for row in rows])
    except ValueError as error:
        raise ValueError(f"{file} must hold numbers for this model; {error}.") from None
    if kind is float and not np.isfinite(array).all():
        row, column = np.argwhere(~np.isfinite(array))[0]
        raise ValueError(
            f"{file} must hold finite numbers; got {rows[row][column]} in row {row}, column "
            f"{column}."
        )
    # An input of one value a row may have no axis for it.
    is_flat = tensor.shape is not None and len(tensor.shape) == 1
    return array[:, 0] if is_flat and array.shape[1] == 1 else array
