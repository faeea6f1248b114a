"""The target column of a table as y."""

import dataclasses
import decimal

import numpy as np

from kerasnn import _checks
from kerasnn.data.rows.chunks import chunks, counts, look_up
from kerasnn.data.tables.columns.blocks import Block
from kerasnn.data.tables.columns.raw import RawColumn
from kerasnn.data.tables.table import FLOAT64_INTEGERS
from kerasnn.data.tables.table_options import TableOptions
from kerasnn.data.tables.targets import (
    Target,
    check_real,
    encode_target,
    float_dtype,
    target_task,
)
from kerasnn.tasks import Task


class TargetRows:
    """The target of all rows, collected block by block.

    Real numbers of a table that is not in memory are checked and not kept.

    Args:
        options: The arguments.
    """

    def __init__(self, options: TableOptions) -> None:
        self._options = options
        self._columns: list[RawColumn] = []
        self._variation: _checks.Variation | None = None

    def add(self, column: RawColumn, kept: np.ndarray) -> None:
        """Adds a block.

        Args:
            column: Its targets.
            kept: Mask of the rows that are not left out.

        Raises:
            InvalidArgument: If real numbers do not fit the task.
        """
        if self._variation is None and self._are_real(column, kept):
            self._variation = _checks.Variation(float_dtype())
            for before in self._columns:
                self._check(before.numbers())
            self._columns = []
        if self._variation is None:
            self._columns.append(column.compact())
        else:
            self._check(column.numbers()[kept])

    def _are_real(self, column: RawColumn, kept: np.ndarray) -> bool:
        if self._options.in_memory or column.texts is not None:
            return False
        if self._options.task is None:
            numbers = column.values[kept]
            numbers = numbers[np.isfinite(numbers)]
            return bool((numbers != np.floor(numbers)).any())
        return self._options.task in (Task.REGRESSION, Task.COUNT)

    def _check(self, numbers: np.ndarray) -> None:
        numbers = numbers[np.isfinite(numbers)]
        if self._variation is not None and len(numbers):
            self._variation.add(numbers, (0,))
            check_real(numbers, self.task, name=self._options.target)

    @property
    def task(self) -> Task:
        """The task of real numbers."""
        return Task(self._options.task or Task.REGRESSION)

    def joined(self) -> RawColumn | None:
        """Hands over all targets; None for real numbers that are not kept."""
        columns, self._columns = self._columns, []
        return None if self._variation is not None else RawColumn.joined(columns)

    def check_digits(self) -> None:
        """Raises if real numbers that are not kept differ by what their type drops."""
        variation = self._variation
        if variation is not None and variation.lost.any():
            raise _checks.lost_digits(self._options.target, variation)


@dataclasses.dataclass(frozen=True)
class RowTarget:
    """y of all rows of a table.

    Args:
        name: Name of the target.
        y: One value for each row of the table, indices of classes in the smallest type; 0 for
            rows that are left out. Empty for real numbers that are not kept.
        task: Its task.
        classes: Names of the classes, if there are any.
        present: Mask of the rows that have a target; None for all.
    """

    name: str
    y: np.ndarray
    task: Task
    classes: tuple[str, ...] | None
    present: np.ndarray | None = None

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Returns y of some rows."""
        return self.y[rows].astype(self.dtype, copy=False)

    def of(self, block: Block, rows: np.ndarray) -> np.ndarray:
        """Returns y of some rows of a block."""
        if not len(self.y):
            return block[self.name].numbers()[rows].astype(self.dtype)
        return self.take(block.start + rows)

    @property
    def dtype(self) -> np.dtype:
        """Type of y in a `Split`."""
        return np.dtype(float_dtype() if self.classes is None else np.int64)


def table_target(column: RawColumn, name: str, kind: str, task: Task | str | None) -> Target:
    """Returns y, its task and its classes; indices of classes are of the smallest type.

    Args:
        column: The target of all rows that are kept, none of them missing.
        name: Its name.
        kind: "number", "boolean", "date", or what is taken as names. The classes of booleans are
            False and True, however they are written.
        task: As in `from_csv`.

    Raises:
        InvalidArgument: If the values are dates or do not fit the task, if it cannot be inferred,
            or if numbers differ only in digits that float64 drops.
    """
    if kind == "date":
        raise _checks.InvalidArgument(
            "target",
            "be a column of classes or numbers",
            name,
            "Predict a number, such as the days from a first date on; if the dates are names of "
            f"classes, give categorical=({name!r},).",
            got=f"dates in {name!r}",
        )
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
    names = texts[occur].astype(str)
    if kind == "boolean":
        names = np.char.capitalize(names)
    y, task, classes = encode_target(names, task, name=name)
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
        raise _checks.InvalidArgument(
            "target",
            "hold numbers that stay different in float64",
            name,
            f"If they are names of classes, read them as text with categorical=({name!r},).",
            got=f"{name!r}, some of which differ in later digits alone",
        )
    return numbers
