"""The types of table columns, a class each: kind, statistics of training rows, columns of x."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from kerasnn._core.display.blocks import shown

DATE_PARTS = ("year", "month", "day", "weekday", "day_of_year", "days")
TIME_PARTS = ("hour", "minute")
# What may be done with missing values of a column.
POLICIES = ("error", "mean", "median", "category", "indicator", "drop")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table.

    Args:
        name: Its name.
        missing: What is done with missing values: one of `POLICIES`.
        missing_rows: Number of training rows without a value.
    """

    name: str
    missing: str = "error"
    missing_rows: int = 0
    kind: ClassVar[str] = ""

    @property
    def fills(self) -> bool:
        """Whether a missing value is replaced; else it is an error."""
        return self.missing not in ("error", "drop")

    @property
    def has_indicator(self) -> bool:
        """Whether a column of x says which rows have no value."""
        return self.missing in ("category", "indicator") and self.missing_rows > 0

    @property
    def values(self) -> tuple[str, ...]:
        """Names of the columns of x with its values."""
        return (self.name,)

    @property
    def features(self) -> tuple[str, ...]:
        """Names of its columns of x."""
        return self.values + ((f"{self.name} is missing",) if self.has_indicator else ())

    @property
    def replacement(self) -> str:
        """What a row without a value has in its place, in words."""
        if not self.fills:
            return "left out" if self.missing == "drop" else "an error"
        return f"{self._filler}, and an indicator" if self.has_indicator else self._filler

    @property
    def _filler(self) -> str:
        return ""

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments and the kind, which `column_from_config` takes."""
        return {"kind": self.kind, **dataclasses.asdict(self)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class NumberColumn(Column):
    """A column of numbers, which are one column of x.

    Args:
        name: Its name.
        missing: What is done with missing values.
        missing_rows: Number of training rows without a value.
        mean: Mean of the training rows.
        median: Median of the training rows with `missing="median"`, else None.
        minimum: Least number of the training rows.
        maximum: Largest number of the training rows.
    """

    mean: float
    median: float | None = None
    minimum: float
    maximum: float
    kind: ClassVar[str] = "number"

    @property
    def fill(self) -> float:
        """What replaces a missing value."""
        return self.mean if self.median is None else self.median

    @property
    def _filler(self) -> str:
        return f"the {'mean' if self.median is None else 'median'}, {shown(self.fill)}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class CategoryColumn(Column):
    """A column of names: one column of zeros and ones for each, or one column of indices.

    Args:
        name: Its name.
        missing: What is done with missing values.
        missing_rows: Number of training rows without a value.
        categories: The names in the training rows, in alphabetical order.
        commonest: The commonest of them.
        embedded: Whether x holds indices for an embedding: 0 is unknown or missing.
    """

    categories: tuple[str, ...]
    commonest: str
    embedded: bool = False
    kind: ClassVar[str] = "category"

    @property
    def has_indicator(self) -> bool:
        """Whether missing values are a category of their own; index 0 where embedded."""
        return not self.embedded and super().has_indicator

    @property
    def values(self) -> tuple[str, ...]:
        """Names of the columns of x with its values."""
        if self.embedded:
            return (self.name,)
        return tuple(f"{self.name}={category}" for category in self.categories)

    @property
    def replacement(self) -> str:
        """What a row without a value has in its place, in words."""
        is_own = self.missing in ("category", "indicator")
        return "a category of its own" if is_own else super().replacement

    @property
    def _filler(self) -> str:
        return f"the commonest, {self.commonest}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class BooleanColumn(Column):
    """A column of true and false, which are a 1 or 0 in one column of x.

    Args:
        name: Its name.
        missing: What is done with missing values.
        missing_rows: Number of training rows without a value.
        mean: Fraction of the training rows that are true.
    """

    mean: float
    kind: ClassVar[str] = "boolean"

    @property
    def commonest(self) -> bool:
        """The commoner value, which replaces a missing one."""
        return self.mean > 0.5

    @property
    def _filler(self) -> str:
        return f"the commonest, {str(self.commonest).lower()}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class DateColumn(Column):
    """A column of dates, whose parts are columns of x: year, month, ..., days since the first.

    Args:
        name: Its name.
        missing: What is done with missing values.
        missing_rows: Number of training rows without a value.
        date_format: Format as in `datetime.strptime`; None is ISO's.
        first: First date of the training rows, as in the table.
        median: Median date of the training rows, as in the table, if missing ones are replaced.
        has_times: Whether training rows have times besides midnight.
    """

    first: str
    median: str | None = None
    date_format: str | None = None
    has_times: bool = False
    kind: ClassVar[str] = "date"

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts."""
        return DATE_PARTS + (TIME_PARTS if self.has_times else ())

    @property
    def values(self) -> tuple[str, ...]:
        """Names of the columns of x with its parts."""
        return tuple(f"{self.name}.{part}" for part in self.parts)

    @property
    def _filler(self) -> str:
        return f"the median, {self.median}"


def shared_feature(columns: Sequence[Column]) -> tuple[str, str, str] | None:
    """Returns the names of two columns that give x columns of one name, and that name."""
    owners: dict[str, str] = {}
    for column in columns:
        for feature in column.features:
            if feature in owners:
                return owners[feature], column.name, feature
            owners[feature] = column.name
    return None


_KINDS = (NumberColumn, CategoryColumn, BooleanColumn, DateColumn)


def column_from_config(config: Mapping[str, Any]) -> Column:
    """Returns the column that `get_config` described."""
    arguments: dict[str, Any] = {
        # JSON has no tuples.
        name: tuple(value) if isinstance(value, list) else value
        for name, value in config.items()
        if name != "kind"
    }
    return {kind.kind: kind for kind in _KINDS}[config["kind"]](**arguments)
