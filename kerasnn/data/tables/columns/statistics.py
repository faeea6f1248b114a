"""Statistics of columns, learned from training rows block by block."""

import abc
from typing import Any

import numpy as np
import polars as pl
import tensorflow as tf

from kerasnn import _checks
from kerasnn.data.tables.columns.dates import DateFormat, parse_dates
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

    def update(self, values: pl.Series) -> None:
        """Learns from training rows, as `kinds.raw_values` gives them."""
        self.missing_rows += values.null_count()
        present = values.drop_nulls()
        self.rows += len(present)
        if len(present):
            self._add(present)

    def finish(self) -> Column:
        """Returns the column.

        Raises:
            ValueError: If there is no value, or the values cannot be used.
        """
        if not self.rows:
            raise ValueError(
                f"Column {self.name!r} has no value in the training rows. Leave it out with "
                f"drop=({self.name!r},)."
            )
        return self._column(
            {"name": self.name, "missing": self.missing, "missing_rows": self.missing_rows}
        )

    @abc.abstractmethod
    def _add(self, values: pl.Series) -> None:
        """Learns from values, of which none is missing."""

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

    def _add(self, values: pl.Series) -> None:
        array = values.to_numpy()
        self._variation.add(array, (0,))
        self._minimum = min(self._minimum, float(array.min()))
        self._maximum = max(self._maximum, float(array.max()))
        if self.missing == "median":
            self._kept.append(array)

    def _column(self, common: dict[str, Any]) -> Column:
        if self._variation.lost.any():
            raise ValueError(
                f"Column {self.name!r} must hold numbers that are different in "
                f"{self._variation.dtype}; it has {self._variation.loss()}. "
                f"{_checks.lost_digits_hint(float_dtype())} To leave the column out give "
                f"drop=({self.name!r},)."
            )
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
        self._counts = pl.DataFrame(schema={"text": pl.String, "count": pl.UInt64})

    def _add(self, values: pl.Series) -> None:
        if self._is_refused:
            return
        counts = values.alias("text").value_counts().cast({"count": pl.UInt64})
        both = pl.concat([self._counts, counts])
        self._counts = (
            both.group_by("text").agg(pl.col("count").sum()) if self._counts.height else counts
        )

    @property
    def _is_refused(self) -> bool:
        return self.check and self.embed_above is None and len(self._counts) > _MOST_COUNTED

    def _column(self, common: dict[str, Any]) -> Column:
        counts = self._counts.sort("text")
        found = len(counts)
        most = max(20, self.rows // 2)
        if self.embed_above is None:
            most = min(_MOST_CATEGORIES, most)
        if self.check and found > most:
            raise ValueError(self._refusal(counts["text"]))
        return CategoryColumn(
            **common,
            categories=tuple(counts["text"].to_list()),
            commonest=counts.sort("count", descending=True, maintain_order=True)["text"][0],
            embedded=self.embed_above is not None and found > self.embed_above,
        )

    def _refusal(self, texts: pl.Series) -> str:
        number = f"more than {_MOST_COUNTED}" if self._is_refused else str(len(texts))
        start = f"Column {self.name!r} holds {number} different texts in {self.rows} training rows"
        words = np.mean(texts.str.count_matches(r"\s+").to_numpy() + 1)
        if words >= _TEXT_WORDS and np.mean(texts.str.len_chars().to_numpy()) >= _TEXT_CHARACTERS:
            return (
                f"{start}, which are sentences, not categories. Leave it out with "
                f"drop=({self.name!r},), or learn from it alone with "
                "`keras.layers.TextVectorization` and `kerasnn.models.rnn`."
            )
        embedding = ""
        if self.embed_above is None and len(texts) <= max(20, self.rows // 2):
            embedding = " or learn an embedding of it with embed_above=256,"
        return (
            f"{start}, which look like names or identifiers, not categories. Leave it out with "
            f"drop=({self.name!r},),{embedding} or keep it with categorical=({self.name!r},)."
        )


class BooleanStatistics(Statistics):
    """Fraction of true values."""

    def __init__(self, name: str, missing: str) -> None:
        super().__init__(name, missing)
        self._true = 0

    def _add(self, values: pl.Series) -> None:
        self._true += int((values.str.to_lowercase() == "true").sum())

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

    def _add(self, values: pl.Series) -> None:
        counts = values.alias("text").value_counts().sort("text")
        texts = counts["text"].to_numpy()
        days = parse_dates(tf.constant(texts), self._format).days.numpy()
        first = int(days.argmin())
        here = (float(days[first]), str(texts[first]))
        self._first = here if self._first is None else min(self._first, here)
        self._has_times |= bool((days != np.floor(days)).any())
        if self.missing not in ("error", "drop"):
            self._days.append(days)
            self._texts.append(texts)
            self._counts.append(counts["count"].to_numpy())

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
        order = np.argsort(days, kind="stable")
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
