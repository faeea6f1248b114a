"""Types of columns of a table, numeric and categorical: statistics, and encoding as numbers."""

import collections
import math
from collections.abc import Collection, Sequence

import numpy as np

from kerasnn import _checks
from kerasnn.data.tables.targets import float_dtype

# Cells that stand for a missing value, by default.
MISSING_VALUES = (
    *("", "?", "NA", "na", "N/A", "n/a", "#N/A"),
    *("NaN", "nan", "NAN", "NULL", "null", "Null"),
)
_LARGEST = float(np.finfo(np.float32).max)
_MOST_CATEGORIES = 256
_MOST_LINES = 5


def is_missing(cell: str) -> bool:
    """Whether a cell stands for a missing value."""
    return cell in MISSING_VALUES


class ColumnSummary:
    """Summary of the cells of one column: numbers, text, missing values.

    Args:
        name: The column's name.
        missing_values: Cells that stand for a missing value.
        as_text: Whether numbers count as text.
    """

    def __init__(
        self, name: str, missing_values: Collection[str], *, as_text: bool = False
    ) -> None:
        self.name = name
        self.as_text = as_text
        self._missing_values = missing_values
        self.missing = 0
        self.missing_lines: list[int] = []
        self._number: tuple[int, str] | None = None
        self._text: tuple[int, str] | None = None

    def update(self, lines: Sequence[int], cells: Sequence[str]) -> None:
        """Adds cells; raises for a number that float32 cannot hold."""
        # Each different cell is parsed once, since text repeats.
        numbers = {} if self.as_text else {cell: _number(cell) for cell in set(cells)}
        for line, cell in zip(lines, cells, strict=True):
            if cell in self._missing_values:
                self.missing += 1
                if self.missing <= _MOST_LINES:
                    self.missing_lines.append(line)
                continue
            number = numbers.get(cell)
            if number is None:
                self._text = self._text or (line, cell)
            else:
                self._number = self._number or (line, cell)
                if not abs(number) <= _LARGEST:
                    raise ValueError(
                        f"Column {self.name!r}, line {line}: {cell!r} is not a finite float32. "
                        "Correct it or drop the row."
                    )

    def describe_missing(self) -> str:
        """Returns the number of missing values and their first lines, for an error."""
        more = ", ..." if self.missing > _MOST_LINES else ""
        return f"{self.missing} (line {', '.join(map(str, self.missing_lines))}{more})"

    @property
    def is_numeric(self) -> bool:
        """Whether the column holds numbers; raises if it is mixed, empty or cannot be read."""
        if self._number and self._text:
            raise ValueError(
                f"Column {self.name!r} holds numbers (line {self._number[0]}: "
                f"{self._number[1]!r}) and text (line {self._text[0]}: {self._text[1]!r}). "
                f"Correct the text, or take all of it as text with categorical=({self.name!r},)."
            )
        if self._text and not self.as_text and _number(_bare(self._text[1])) is not None:
            raise ValueError(
                f"Column {self.name!r}, line {self._text[0]}: {self._text[1]!r} looks like a "
                "number and cannot be read as one. Write it with digits and a point alone, as in "
                f"1234.5, or take the column as text with categorical=({self.name!r},)."
            )
        if not self._number and not self._text:
            raise ValueError(
                f"Column {self.name!r} holds no value at all. Leave it out with "
                f"drop=({self.name!r},)."
            )
        return self._number is not None


class NumericColumn:
    """Encoder of a column of numbers; a missing one becomes the mean of the training rows.

    Args:
        name: The column's name.
        missing_values: Cells that stand for a missing value.
    """

    def __init__(self, name: str, missing_values: Collection[str]) -> None:
        self.name = name
        self._missing_values = missing_values
        self._sum = 0.0
        self._count = 0
        self._variation = _checks.Variation(float_dtype())

    def update(self, cells: Sequence[str]) -> None:
        """Learns from cells of training rows."""
        numbers = [float(cell) for cell in cells if cell not in self._missing_values]
        self._sum += math.fsum(numbers)
        self._count += len(numbers)
        if numbers:
            self._variation.add(np.array(numbers), (0,))

    def finish(self) -> None:
        """Ends learning; raises if all values are missing, or the dtype drops digits."""
        _check_learned(self.name, self._count)
        if self._variation.lost.any():
            raise ValueError(
                f"Column {self.name!r} must hold numbers that are different in "
                f"{self._variation.dtype}; it has {self._variation.loss()}. "
                f"{_checks.lost_digits_hint(float_dtype())} To leave the column out give "
                f"drop=({self.name!r},)."
            )

    @property
    def features(self) -> tuple[str, ...]:
        """Names of its columns of x."""
        return (self.name,)

    def encode(self, cells: Sequence[str]) -> np.ndarray:
        """Returns the cells as `(rows, 1)` numbers."""
        mean = self._sum / self._count
        numbers = [mean if cell in self._missing_values else float(cell) for cell in cells]
        return np.array(numbers, dtype=self._variation.dtype)[:, np.newaxis]


class CategoricalColumn:
    """One-hot encoder of a column of text.

    The categories are those of the training rows, in alphabetical order. Any other text becomes
    zeros, and a missing one the commonest category of the training rows.

    Args:
        name: The column's name.
        missing_values: Cells that stand for a missing value.
        check: Whether to refuse a column of names or identifiers.
    """

    def __init__(self, name: str, missing_values: Collection[str], *, check: bool) -> None:
        self.name = name
        self._missing_values = missing_values
        self.check = check
        self._counts: collections.Counter[str] = collections.Counter()
        self._positions: dict[str, int] = {}

    def update(self, cells: Sequence[str]) -> None:
        """Learns from cells of training rows."""
        self._counts.update(cell for cell in cells if cell not in self._missing_values)

    def finish(self) -> None:
        """Ends learning; raises if all values are missing, or they look like identifiers."""
        rows, categories = self._counts.total(), len(self._counts)
        _check_learned(self.name, rows)
        if self.check and categories > min(_MOST_CATEGORIES, max(20, rows // 2)):
            raise ValueError(
                f"Column {self.name!r} holds {categories} different texts in {rows} training rows, "
                f"which look like names or identifiers, not categories. Leave it out with "
                f"drop=({self.name!r},), or keep it with categorical=({self.name!r},)."
            )
        self._positions = {text: i for i, text in enumerate(sorted(self._counts))}
        self._commonest = self._positions[max(self._positions, key=self._counts.__getitem__)]

    @property
    def features(self) -> tuple[str, ...]:
        """Names of its columns of x."""
        return tuple(f"{self.name}={text}" for text in self._positions)

    def encode(self, cells: Sequence[str]) -> np.ndarray:
        """Returns the cells as `(rows, categories)` zeros and ones."""
        indices = np.array(
            [
                self._commonest if cell in self._missing_values else self._positions.get(cell, -1)
                for cell in cells
            ]
        )
        return (indices[:, np.newaxis] == np.arange(len(self._positions))).astype(float_dtype())


def _number(cell: str) -> float | None:
    # float() also accepts Python's 1_000, which in a file is text.
    if "_" in cell:
        return None
    try:
        return float(cell)
    except ValueError:
        return None


def _bare(cell: str) -> str:
    """Returns a number of a spreadsheet without currency, percent sign and commas."""
    return cell.strip("$€£% ").replace(",", "")


def _check_learned(name: str, count: int) -> None:
    if not count:
        raise ValueError(
            f"Column {name!r} has no value in the training rows. Leave it out with "
            f"drop=({name!r},)."
        )
