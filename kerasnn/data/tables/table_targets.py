"""The target column of a table as y."""

import decimal

import numpy as np

from kerasnn.data.tables.columns.raw import RawColumn
from kerasnn.data.tables.targets import Target, encode_target
from kerasnn.tasks import Task

# float64 holds all integers below this size.
_FLOAT64_INTEGERS = 2**53


def table_target(column: RawColumn, name: str, kind: str, task: Task | str | None) -> Target:
    """Returns y, its task and its classes.

    Args:
        column: The target of all rows that are kept, none of them missing.
        name: Its name.
        kind: "number", or what is taken as names.
        task: As in `from_csv`.

    Raises:
        InvalidArgument: If the values do not fit the task.
        ValueError: If the task cannot be inferred, or numbers differ only in digits that float64
            drops.
    """
    if kind == "number":
        return encode_target(_numbers(column, name), task, name=name)
    texts, _ = column.counts()
    # Numbers of the texts that occur.
    codes = np.zeros(len(column.present), np.int64)
    codes[np.unique(column.values)] = np.arange(len(texts))
    y, task, classes = encode_target(texts.astype(str), task, name=name)
    return y[codes][column.values], task, classes


def _numbers(column: RawColumn, name: str) -> np.ndarray:
    """Returns numbers of texts: float64, or int64 for integers with too many digits."""
    numbers = column.numbers()
    if column.texts is None or np.abs(numbers).max() < _FLOAT64_INTEGERS:
        return numbers
    texts, _ = column.counts()
    exact = {text: decimal.Decimal(text) for text in texts}
    if all(number == int(number) for number in exact.values()):
        integers = [int(number) for number in exact.values()]
        if min(integers) >= -(2**63) and max(integers) < 2**63:
            table = [int(exact.get(text, 0)) for text in column.present]
            return np.array(table, np.int64)[column.values]
    if len(set(exact.values())) > len(np.unique(numbers)):
        raise ValueError(
            f"The target {name!r} holds numbers that differ only in digits that float64 "
            "drops. If they are names of classes, read them as text with "
            f"categorical=({name!r},)."
        )
    return numbers
