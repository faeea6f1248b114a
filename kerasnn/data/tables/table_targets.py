"""The target column of a table as y."""

import decimal

import numpy as np
import polars as pl

from kerasnn.data.tables.columns.raw import RawColumn
from kerasnn.data.tables.targets import Target, encode_target
from kerasnn.tasks import Task

# float64 holds all integers below this size.
_FLOAT64_INTEGERS = 2**53


def table_target(values: pl.Series, kind: str, task: Task | str | None) -> Target:
    """Returns y, its task and its classes.

    Args:
        values: The target of all rows that are kept, none of them missing.
        kind: "number", or what is taken as names.
        task: As in `from_csv`.

    Raises:
        InvalidArgument: If the values do not fit the task.
        ValueError: If the task cannot be inferred, or numbers differ only in digits that float64
            drops.
    """
    name = values.name
    if kind == "number":
        numbers = values.to_numpy() if values.dtype == pl.Float64 else _numbers(values)
        return encode_target(numbers, task, name=name)
    coded = RawColumn.of(values)
    texts = np.array(coded.texts.tolist(), str)
    y, task, classes = encode_target(texts, task, name=name)
    return y[coded.values], task, classes


def _numbers(values: pl.Series) -> np.ndarray:
    """Returns numbers of texts: float64, or int64 for integers with too many digits."""
    numbers = values.cast(pl.Float64).to_numpy()
    if np.abs(numbers).max() < _FLOAT64_INTEGERS:
        return numbers
    coded = RawColumn.of(values)
    exact = [decimal.Decimal(text) for text in coded.texts]
    if all(number == int(number) for number in exact):
        integers = [int(number) for number in exact]
        if min(integers) >= -(2**63) and max(integers) < 2**63:
            return np.array(integers, np.int64)[coded.values]
    if len(set(exact)) > len(np.unique(numbers)):
        raise ValueError(
            f"The target {values.name!r} holds numbers that differ only in digits that float64 "
            "drops. If they are names of classes, read them as text with "
            f"categorical=({values.name!r},)."
        )
    return numbers
