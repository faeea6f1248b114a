"""Data sets from CSV files."""

import decimal
import os
import pathlib
import sys
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn.data._batching import batches
from kerasnn.data._partition import check_partition, partition
from kerasnn.data.split import Split
from kerasnn.data.tables.columns import (
    MISSING_VALUES,
    CategoricalColumn,
    ColumnSummary,
    NumericColumn,
)
from kerasnn.data.tables.csv_table import CsvTable
from kerasnn.data.tables.targets import encode_target, float_dtype
from kerasnn.tasks import Task

Column = NumericColumn | CategoricalColumn
# float64 holds all integers below this size.
_FLOAT64_INTEGERS = 2**53


@_checks.known_arguments
def from_csv(
    path: str | os.PathLike,
    target: str,
    *,
    test_size: float = 0.2,
    seed: int = 0,
    missing: str = "error",
    missing_values: Sequence[str] = MISSING_VALUES,
    task: Task | str | None = None,
    categorical: Sequence[str] = (),
    drop: Sequence[str] = (),
    delimiter: str = ",",
    encoding: str = "utf-8-sig",
    in_memory: bool = True,
    batch_size: int = 32,
) -> Split:
    r"""Reads a CSV file, whose first line names the columns, into a training and a test part.

    A column of numbers becomes one column of x. A column of text becomes one column of zeros and
    ones for each category, named for example `colour=red`. Categories and means are learned from
    the training rows alone, so a category that only test rows have becomes zeros. A column with
    both numbers and text is refused.

    The target becomes class indices, in the order of the names or numbers in `split.classes`, or
    float32 values. A column whose values differ only in digits that float32 drops, such as seconds
    since 1970 within one minute, is refused; with `keras.config.set_floatx("float64")` real
    numbers are float64.

    Args:
        path: The file.
        target: Name of the column to predict.
        test_size: Fraction of the rows in the test part, in (0, 1). Classes have the same
            fractions of both parts.
        seed: Seed of the split, and of the shuffle with `in_memory=False`.
        missing: What to do with missing features: "error", or "mean", which replaces a number by
            the mean of the training rows and text by their commonest category. A missing target
            always raises.
        missing_values: Cells that stand for a missing value, without blanks around them. By
            default the empty cell, `?`, `NA`, `na`, `N/A`, `n/a`, `#N/A`, `NaN`, `nan`, `NAN`,
            `NULL`, `null` and `Null`. If `NA` is a value, such as Namibia or "no alley", give
            `("",)`.
        task: A `kerasnn.tasks.Task` or its name; None infers it by `kerasnn.tasks.infer`.
        categorical: Columns that are text although they hold numbers: months, postal codes. The
            target may be one of them.
        drop: Columns to leave out.
        delimiter: The character between two cells.
        encoding: As in `open`. The default reads UTF-8 with and without a byte-order mark.
        in_memory: False leaves the rows in the file and gives batches in a `tf.data.Dataset`: the
            file is read twice to learn the columns and again in each epoch; only the target column
            stays in memory. Both parts have the same rows as with True. The training part is
            shuffled in a buffer of 10,000 rows, so shuffle a file that is sorted by class first.
        batch_size: Rows in a batch. Not used for arrays in memory.

    Returns:
        A `Split` with the names of the columns of x in `features`.

    Raises:
        FileNotFoundError: If there is no such file.
        InvalidArgument: If an argument breaks its rule.
        ValueError: If the file breaks one of the rules above; the column and line are named.

    Example:
        >>> import pathlib, tempfile
        >>> from kerasnn import data
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "fruit.csv"
        >>> rows = ["grams,colour,fruit"] + 5 * ["150,red,apple", "120,yellow,banana"]
        >>> _ = path.write_text("\n".join(rows))
        >>> data.from_csv(path, "fruit")
        Split(binary, x_train=(8, 3) float32, y_train=(8,) int64,
              x_test=(2, 3) float32, y_test=(2,) int64,
              classes=apple, banana, features=grams, colour=red, colour=yellow)
    """
    _checks.one_of("missing", missing, ["error", "mean"])
    _checks.integer("batch_size", batch_size)
    check_partition(test_size, seed)
    _check_missing_values(missing_values)
    table = CsvTable(pathlib.Path(path), delimiter=delimiter, encoding=encoding)
    _check_names(table, target, categorical, drop)

    summaries, values = _summarize(table, target, missing_values, categorical, drop)
    y, task, classes = encode_target(values, task, name=target)
    if missing == "error":
        _refuse_missing(summaries)
    train, test = partition(
        len(y),
        test_size=test_size,
        seed=seed,
        labels=None if classes is None else y,
        classes=classes or (),
    )
    columns = _learn(table, summaries, missing_values, categorical, _mask(train, len(y)))
    features = tuple(name for column in columns for name in column.features)

    if in_memory:
        x = np.concatenate([_encode(table, columns, block.rows) for block in table.blocks()])
        return Split(x[train], y[train], x[test], y[test], task, classes, features)
    x_train, x_test = (
        batches(
            _stream(table, columns, y, _mask(rows, len(y)), len(features)),
            len(rows),
            batch_size,
            shuffle_seed=shuffle_seed,
        )
        for rows, shuffle_seed in ((train, seed), (test, None))
    )
    return Split(x_train, None, x_test, None, task, classes, features)


def _check_names(
    table: CsvTable, target: str, categorical: Sequence[str], drop: Sequence[str]
) -> None:
    for argument, names in (("target", [target]), ("categorical", categorical), ("drop", drop)):
        if isinstance(names, str):
            raise _checks.InvalidArgument(
                argument, "be a sequence of names", names, f"Write ({names!r},)."
            )
        for name in names:
            if name not in table.columns:
                hint = _checks.did_you_mean(name, table.columns)
                if len(table.columns) == 1:
                    hint = "The file has one column only: should `delimiter` be ';' or '\\t'?"
                raise _checks.InvalidArgument(
                    argument,
                    f"name a column of {table.path}: {', '.join(map(repr, table.columns))}",
                    name,
                    hint,
                )
    if target in drop:
        raise _checks.InvalidArgument("drop", f"not contain the target {target!r}", drop)
    if not set(table.columns) - set(drop) - {target}:
        raise ValueError(f"{table.path} has no column besides the target {target!r} to learn from.")


def _summarize(
    table: CsvTable,
    target: str,
    missing_values: Sequence[str],
    categorical: Sequence[str],
    drop: Sequence[str],
) -> tuple[dict[str, ColumnSummary], np.ndarray]:
    """Reads the file once: a summary of each feature column, and the target's values."""
    summaries = {
        name: ColumnSummary(name, missing_values, as_text=name in categorical)
        for name in table.columns
        if name not in drop
    }
    values: list[str] = []
    for block in table.blocks():
        for name, cells in zip(table.columns, zip(*block.rows, strict=True), strict=True):
            if name in summaries:
                summaries[name].update(block.lines, cells)
            if name == target:
                # One object for each different text: 8 bytes a row.
                values.extend(map(sys.intern, cells))
    if not values:
        raise ValueError(f"{table.path} holds a header and no rows.")
    summary = summaries.pop(target)
    if summary.missing:
        raise ValueError(
            f"The target {target!r} is missing in rows: {summary.describe_missing()}. Drop them."
        )
    return summaries, _numbers(target, values) if summary.is_numeric else np.array(values, str)


def _numbers(target: str, cells: list[str]) -> np.ndarray:
    """Returns a target's numbers: float64, or int64 for integers with too many digits."""
    numbers = np.array(cells, np.float64)
    if np.abs(numbers).max() < _FLOAT64_INTEGERS:
        return numbers
    exact = {cell: decimal.Decimal(cell) for cell in set(cells)}
    if all(number == int(number) for number in exact.values()):
        integers = [int(number) for number in exact.values()]
        if min(integers) >= -(2**63) and max(integers) < 2**63:
            return np.array([int(exact[cell]) for cell in cells], np.int64)
    if len(set(exact.values())) > len(np.unique(numbers)):
        raise ValueError(
            f"The target {target!r} holds numbers that differ only in digits that float64 drops. "
            f"If they are names of classes, read them as text with categorical=({target!r},)."
        )
    return numbers


def _check_missing_values(missing_values: Sequence[str]) -> None:
    is_text = isinstance(missing_values, str)
    if is_text or not all(isinstance(value, str) for value in missing_values):
        raise _checks.InvalidArgument(
            "missing_values",
            "be a sequence of strings",
            missing_values,
            'For the empty cell alone give ("",).',
        )


def _refuse_missing(summaries: dict[str, ColumnSummary]) -> None:
    counts = [f"{name!r} {p.describe_missing()}" for name, p in summaries.items() if p.missing]
    if counts:
        raise ValueError(
            f"Missing values by column: {', '.join(counts)}. Drop those rows or columns, or fill "
            "in the mean and the commonest category of the training rows with missing='mean'."
        )


def _learn(
    table: CsvTable,
    summaries: dict[str, ColumnSummary],
    missing_values: Sequence[str],
    categorical: Sequence[str],
    train: np.ndarray,
) -> list[Column]:
    """Reads the training rows to learn the mean of each column, or its categories."""
    columns = {
        name: NumericColumn(name, missing_values)
        if summary.is_numeric
        else CategoricalColumn(name, missing_values, check=name not in categorical)
        for name, summary in summaries.items()
    }
    for rows, _ in _selected(table, train):
        for name, cells in zip(table.columns, zip(*rows, strict=True), strict=True):
            if name in columns:
                columns[name].update(cells)
    for column in columns.values():
        column.finish()
    return list(columns.values())


def _selected(table: CsvTable, mask: np.ndarray) -> Iterator[tuple[list[list[str]], np.ndarray]]:
    """Yields, block by block, the rows that `mask` selects, and their indices."""
    for block in table.blocks():
        indices = block.start + np.flatnonzero(mask[block.start : block.start + len(block.rows)])
        if len(indices):
            yield [block.rows[i - block.start] for i in indices], indices


def _encode(table: CsvTable, columns: list[Column], rows: list[list[str]]) -> np.ndarray:
    cells = dict(zip(table.columns, zip(*rows, strict=True), strict=True))
    return np.concatenate([column.encode(cells[column.name]) for column in columns], axis=1)


def _stream(
    table: CsvTable, columns: list[Column], y: np.ndarray, mask: np.ndarray, width: int
) -> tf.data.Dataset:
    return tf.data.Dataset.from_generator(
        lambda: ((_encode(table, columns, rows), y[i]) for rows, i in _selected(table, mask)),
        output_signature=(
            tf.TensorSpec((None, width), tf.as_dtype(float_dtype())),
            tf.TensorSpec((None,), tf.as_dtype(y.dtype)),
        ),
    ).unbatch()


def _mask(indices: np.ndarray, rows: int) -> np.ndarray:
    mask = np.zeros(rows, dtype=bool)
    mask[indices] = True
    return mask
