"""The target column of a table as y."""

import decimal

import numpy as np

from kerasnn.data._chunks import chunks, counts, look_up
from kerasnn.data.tables.columns.raw import FLOAT64_INTEGERS, RawColumn
from kerasnn.data.tables.targets import Target, encode_target, target_task
from kerasnn.tasks import Task


def table_target(column: RawColumn, name: str, kind: str, task: Task | str | None) -> Target:
    """Returns y, its task and its classes; indices of classes are of the smallest type.

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
        numbers = _numbers(column, name)
        if numbers.dtype != np.float16:
            return encode_target(numbers, task, name=name)
        # There are 2**16 at most, of which the task depends on those that occur.
        found = np.unique(np.concatenate([np.unique(numbers[h]) for h in chunks(len(numbers))]))
        task = target_task(found, task, name=name)
        if task not in (Task.BINARY, Task.MULTICLASS):
            return encode_target(numbers, task, name=name)
        y, task, classes = encode_target(found, task, name=name)
        codes = np.empty(len(numbers), np.min_scalar_type(len(found)))
        for here in chunks(len(numbers)):
            codes[here] = np.searchsorted(found, numbers[here])
        return codes, task, classes
    texts, occur = column.present, counts(column.values, len(column.present)) > 0
    y, task, classes = encode_target(texts[occur].astype(str), task, name=name)
    table = np.zeros(len(texts), np.min_scalar_type(len(y)))
    table[occur] = y
    return look_up(table, column.values), task, classes


def _numbers(column: RawColumn, name: str) -> np.ndarray:
    """Returns numbers of texts: floats, or int64 for integers with too many digits."""
    if column.texts is None:
        return column.values
    numbers = column.numbers()
    if np.abs(numbers).max() < FLOAT64_INTEGERS:
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
