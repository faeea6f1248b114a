"""What the columns of a CSV file hold, and how they become numbers."""

import collections
import math
from collections.abc import Collection, Sequence

import numpy as np

from kerasnn import _checks
from kerasnn.data._targets import float_dtype

# What stands for a missing value where nothing else is asked for.
MISSING_VALUES = (
    *("", "?", "NA", "na", "N/A", "n/a", "#N/A"),
    *("NaN", "nan", "NAN", "NULL", "null", "Null"),
)
_LARGEST = float(np.finfo(np.float32).max)
_MOST_CATEGORIES = 256
_MOST_LINES = 5


def is_missing(cell: str) -> bool:
    """Whether the cell says that its value is not known."""
    return cell in MISSING_VALUES


class Profile:
    """What the cells of one column look like: numbers, text, missing values.

    Args:
        name: The column's name.
        missing_values: The cells whose value is missing.
        as_text: Take numbers for text, too.
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

    def look(self, lines: Sequence[int], cells: Sequence[str]) -> None:
        """Takes note of the cells; raises at a number that float32 cannot hold."""
        # Each different cell is parsed once: text repeats itself.
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

    def count_missing(self) -> str:
        """Returns how many values are missing, and the first lines, for an error."""
        more = ", ..." if self.missing > _MOST_LINES else ""
        return f"{self.missing} (line {', '.join(map(str, self.missing_lines))}{more})"

    @property
    def is_numeric(self) -> bool:
        """Whether the column holds numbers; raises where it holds both, nothing or a puzzle."""
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


class Numeric:
    """A column of numbers; a missing one becomes the mean of the training rows.

    Args:
        name: The column's name.
        missing_values: The cells whose value is missing.
    """

    def __init__(self, name: str, missing_values: Collection[str]) -> None:
        self.name = name
        self._missing_values = missing_values
        self._sum = 0.0
        self._count = 0
        self._variation = _checks.Variation(float_dtype())

    def learn(self, cells: Sequence[str]) -> None:
        """Takes in cells of training rows."""
        numbers = [float(cell) for cell in cells if cell not in self._missing_values]
        self._sum += math.fsum(numbers)
        self._count += len(numbers)
        if numbers:
            self._variation.add(np.array(numbers), (0,))

    def finish(self) -> None:
        """Ends the learning; raises where there was nothing to learn from, or digits are lost."""
        _check_learned(self.name, self._count)
        if self._variation.lost.any():
            raise ValueError(
                f"Column {self.name!r} must hold numbers that stay apart in "
                f"{self._variation.dtype}; it has {self._variation.loss()}. "
                f"{_checks.lost_digits_hint(float_dtype())} To leave the column out give "
                f"drop=({self.name!r},)."
            )

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns of x that it becomes."""
        return (self.name,)

    def encode(self, cells: Sequence[str]) -> np.ndarray:
        """Returns the cells as `(rows, 1)` numbers."""
        mean = self._sum / self._count
        numbers = [mean if cell in self._missing_values else float(cell) for cell in cells]
        return np.array(numbers, dtype=self._variation.dtype)[:, np.newaxis]


class Categorical:
    """A column of text, one-hot; a missing one becomes the commonest text of the training rows.

    The categories are those of the training rows, in alphabetical order. Any other text is all
    zeros.

    Args:
        name: The column's name.
        missing_values: The cells whose value is missing.
        check: Whether to refuse a column that looks like a name or an identifier.
    """

    def __init__(self, name: str, missing_values: Collection[str], *, check: bool) -> None:
        self.name = name
        self._missing_values = missing_values
        self.check = check
        self._counts: collections.Counter[str] = collections.Counter()
        self._positions: dict[str, int] = {}

    def learn(self, cells: Sequence[str]) -> None:
        """Takes in cells of training rows."""
        self._counts.update(cell for cell in cells if cell not in self._missing_values)

    def finish(self) -> None:
        """Ends the learning; raises where there was nothing to learn from."""
        rows, categories = self._counts.total(), len(self._counts)
        _check_learned(self.name, rows)
        if self.check and categories > min(_MOST_CATEGORIES, max(20, rows // 2)):
            raise ValueError(
                f"Column {self.name!r} holds {categories} different texts in {rows} training rows: "
                f"a name or a number, it seems, not a category. Leave it out with "
                f"drop=({self.name!r},), or insist with categorical=({self.name!r},)."
            )
        self._positions = {text: place for place, text in enumerate(sorted(self._counts))}
        self._commonest = self._positions[max(self._positions, key=self._counts.__getitem__)]

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns of x that it becomes."""
        return tuple(f"{self.name}={text}" for text in self._positions)

    def encode(self, cells: Sequence[str]) -> np.ndarray:
        """Returns the cells as `(rows, categories)` zeros and ones."""
        places = np.array(
            [
                self._commonest if cell in self._missing_values else self._positions.get(cell, -1)
                for cell in cells
            ]
        )
        return (places[:, np.newaxis] == np.arange(len(self._positions))).astype(float_dtype())


def _number(cell: str) -> float | None:
    # float() also takes Python's own 1_000, which in a file is a name.
    if "_" in cell:
        return None
    try:
        return float(cell)
    except ValueError:
        return None


def _bare(cell: str) -> str:
    """Returns a number as a spreadsheet shows it without currency, percent sign and commas."""
    return cell.strip("$€£% ").replace(",", "")


def _check_learned(name: str, count: int) -> None:
    if not count:
        raise ValueError(
            f"Column {name!r} has no value in the training rows. Leave it out with "
            f"drop=({name!r},)."
        )
