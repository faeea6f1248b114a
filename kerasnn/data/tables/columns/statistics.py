"""Statistics of columns, learned from training rows block by block."""

import abc
import collections
from typing import Any

import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn.data.tables.columns.dates import DateFormat, date_hint, parse_dates
from kerasnn.data.tables.columns.raw import RawColumn
from kerasnn.data.tables.columns.specs import (
    BooleanColumn,
    CategoryColumn,
    Column,
    DateColumn,
    NumberColumn,
)
from kerasnn.data.tables.targets import float_dtype

_MOST_CATEGORIES = 256
# A column of more different texts than this is refused without counting on.
_MOST_COUNTED = 2**16
# Mean number of words and of characters from which texts are sentences and not names.
_TEXT_WORDS = 4
_TEXT_CHARACTERS = 40


class Statistics(abc.ABC):
    """Statistics of one column.

    Args:
        name: The column's name.
        missing: What is done with missing values.
    """

    def __init__(self, name: str, missing: str) -> None:
        self.name = name
        self.missing = missing
        self.rows = 0
        self.missing_rows = 0

    def update(self, column: RawColumn) -> None:
        """Learns from training rows."""
        missing = int(np.count_nonzero(column.missing))
        self.missing_rows += missing
        # Of windows, each step counts.
        self.rows += column.values.size - missing
        if missing < column.values.size:
            self._add(column)

    def finish(self, argument: str = "frame") -> Column:
        """Returns the column.

        Args:
            argument: Name of the argument that gives the table, for errors.

        Raises:
            InvalidArgument: If there is no value, or the values cannot be used.
        """
        if not self.rows:
            raise _checks.InvalidArgument(
                argument,
                f"hold values in column {self.name!r}",
                None,
                f"Leave it out with drop=({self.name!r},).",
                got="none in the training rows",
            )
        self._check(argument)
        return self._column(
            {"name": self.name, "missing": self.missing, "missing_rows": self.missing_rows}
        )

    @abc.abstractmethod
    def _add(self, column: RawColumn) -> None:
        """Learns from values, of which one at least is not missing."""

    def _check(self, argument: str) -> None:  # noqa: B027 - most values are all right.
        """Raises unless the values can be learned from."""

    @abc.abstractmethod
    def _column(self, common: dict[str, Any]) -> Column:
        """Returns the column with these common arguments."""


class NumberStatistics(Statistics):
    """Mean, range and, with `missing="median"`, median of numbers."""

    def __init__(self, name: str, missing: str) -> None:
        super().__init__(name, missing)
        self._variation = _checks.Variation(float_dtype())
        self._minimum, self._maximum = np.inf, -np.inf
        self._kept: list[np.ndarray] = []

    def _add(self, column: RawColumn) -> None:
        array, missing = column.numbers(), column.missing
        array = array[~missing] if missing.any() else array.ravel()
        self._variation.add(array, (0,))
        self._minimum = min(self._minimum, float(array.min()))
        self._maximum = max(self._maximum, float(array.max()))
        if self.missing == "median":
            self._kept.append(array)

    def _column(self, common: dict[str, Any]) -> Column:
        if self._variation.lost.any():
            hint = f"To leave the column out give drop=({self.name!r},)."
            raise _checks.lost_digits(self.name, self._variation, hint)
        return NumberColumn(
            **common,
            mean=float(self._variation.mean[0]),
            median=float(np.median(np.concatenate(self._kept))) if self._kept else None,
            minimum=self._minimum,
            maximum=self._maximum,
        )


class CategoryStatistics(Statistics):
    """Names and how often each occurs.

    Args:
        name: The column's name.
        missing: What is done with missing values.
        check: Whether to refuse a column of identifiers or sentences.
        embed_above: Number of categories from which on x holds indices; None never.
    """

    def __init__(
        self, name: str, missing: str, *, check: bool, embed_above: int | None = None
    ) -> None:
        super().__init__(name, missing)
        self.check = check
        self.embed_above = embed_above
        self._counts: collections.Counter[str] = collections.Counter()

    def _add(self, column: RawColumn) -> None:
        if not self._is_refused:
            texts, counts = column.counts()
            self._counts.update(dict(zip(texts.tolist(), counts.tolist(), strict=True)))

    @property
    def _is_refused(self) -> bool:
        return self.check and self.embed_above is None and len(self._counts) > _MOST_COUNTED

    def _check(self, argument: str) -> None:
        most = max(20, self.rows // 2)
        if self.embed_above is None:
            most = min(_MOST_CATEGORIES, most)
        if self.check and len(self._counts) > most:
            raise self._refusal(argument, sorted(self._counts))

    def _column(self, common: dict[str, Any]) -> Column:
        names = sorted(self._counts)
        return CategoryColumn(
            **common,
            categories=tuple(names),
            commonest=max(names, key=self._counts.__getitem__),
            embedded=self.embed_above is not None and len(names) > self.embed_above,
        )

    def _refusal(self, argument: str, texts: list[str]) -> _checks.InvalidArgument:
        number = f"more than {_MOST_COUNTED}" if self._is_refused else str(len(texts))
        rule = f"hold categories in column {self.name!r}"
        got = f"{number} different texts in {self.rows} training rows"
        words = np.mean([len(text.split()) for text in texts])
        if words >= _TEXT_WORDS and np.mean([len(text) for text in texts]) >= _TEXT_CHARACTERS:
            hint = (
                f"Leave it out with drop=({self.name!r},), or learn from it alone with "
                "`kerasnn.models.text`."
            )
            got = f"{got}, which are sentences"
            return _checks.InvalidArgument(argument, rule, texts[0], hint, got=got)
        embedding = ""
        if self.embed_above is None and len(texts) <= max(20, self.rows // 2):
            embedding = " or learn an embedding of it with embed_above=256,"
        hint = (
            f"Leave it out with drop=({self.name!r},),{embedding} or keep it with "
            f"categorical=({self.name!r},). {date_hint(self.name, texts)}"
        ).strip()
        got = f"{got}, which look like names or identifiers"
        return _checks.InvalidArgument(argument, rule, texts[0], hint, got=got)


class BooleanStatistics(Statistics):
    """Fraction of true values."""

    def __init__(self, name: str, missing: str) -> None:
        super().__init__(name, missing)
        self._true = 0

    def _add(self, column: RawColumn) -> None:
        for text, count in zip(*column.counts(), strict=True):
            self._true += int(count) if text.lower() == "true" else 0

    def _column(self, common: dict[str, Any]) -> Column:
        return BooleanColumn(**common, mean=self._true / self.rows)


class DateStatistics(Statistics):
    """First date, whether there are times, and the median if missing dates are replaced."""

    def __init__(self, name: str, missing: str, *, date_format: str | None) -> None:
        super().__init__(name, missing)
        self.date_format = date_format
        self._format = DateFormat.parse(date_format)
        self._first: tuple[float, str] | None = None
        self._has_times = False
        self._days: list[np.ndarray] = []
        self._texts: list[np.ndarray] = []
        self._counts: list[np.ndarray] = []

    def _add(self, column: RawColumn) -> None:
        texts, counts = column.counts()
        days = parse_dates(tf.constant(texts), self._format).days.numpy()
        first = int(days.argmin())
        here = (float(days[first]), str(texts[first]))
        self._first = here if self._first is None else min(self._first, here)
        self._has_times |= bool((days != np.floor(days)).any())
        if self.missing not in ("error", "drop"):
            self._days.append(days)
            self._texts.append(texts)
            self._counts.append(counts)

    def _column(self, common: dict[str, Any]) -> Column:
        if self._first is None:
            raise RuntimeError("`finish` asks for a date before one was added.")
        return DateColumn(
            **common,
            first=self._first[1],
            median=self._median() if self._days else None,
            date_format=self.date_format,
            has_times=self._has_times,
        )

    def _median(self) -> str:
        """Returns the date in the middle, the earlier one of two."""
        days, texts, counts = map(np.concatenate, (self._days, self._texts, self._counts))
        # Of one date in two forms, always the same.
        order = np.lexsort((texts.astype(str), days))
        upto = np.cumsum(counts[order])
        return str(texts[order[np.searchsorted(upto, (upto[-1] + 1) // 2)]])


def statistics_for(
    kind: str,
    name: str,
    missing: str,
    *,
    check: bool = True,
    embed_above: int | None = None,
    date_format: str | None = None,
) -> Statistics:
    """Returns new statistics for a column of a kind."""
    if kind == "number":
        return NumberStatistics(name, missing)
    if kind == "category":
        return CategoryStatistics(name, missing, check=check, embed_above=embed_above)
    if kind == "boolean":
        return BooleanStatistics(name, missing)
    return DateStatistics(name, missing, date_format=date_format)
