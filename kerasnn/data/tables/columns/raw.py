"""Columns of a table as arrays, in which each different text stands once."""

import dataclasses
import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from kerasnn.data.rows.chunks import counts

if TYPE_CHECKING:
    import polars as pl


@dataclasses.dataclass(frozen=True)
class RawColumn:
    """Raw values of a column: numbers, or indices into its different texts.

    Args:
        values: Numbers in a type of floats, with NaN for a missing one; or indices into `texts`.
        texts: The different texts as objects. The last is empty, and stands for missing values, if
            there are any. None for a column of numbers.
    """

    values: np.ndarray
    texts: np.ndarray | None = None

    @classmethod
    def of(cls, values: "pl.Series") -> "RawColumn":
        """Returns the column of a series, in which null is missing."""
        # Here, as in what follows, so that `import kerasnn` does not take this time.
        import polars as pl

        if values.dtype == pl.Float64:
            return cls(values.fill_null(float("nan")).to_numpy())
        if not isinstance(values.dtype, pl.Enum):
            values = texts_of(values)
            # In order of occurrence: nothing may depend on a random one.
            values = values.cast(pl.Enum(values.unique(maintain_order=True).drop_nulls()))
        texts = values.dtype.categories
        indices = values.to_physical().fill_null(len(texts))
        absent = [""] if values.null_count() else []
        return cls(indices.to_numpy(), np.array([*texts.to_list(), *absent], object))

    @classmethod
    def of_array(cls, values: np.ndarray) -> "RawColumn":
        """Returns the column of `array`: floats, or texts of any shape, the empty one missing."""
        if values.dtype != object:
            return cls(values.astype(np.float64))
        import polars as pl

        texts = pl.Series(values.reshape(-1).tolist(), dtype=pl.String)
        found = cls.of(texts.set(texts == "", None))
        return cls(found.values.reshape(values.shape), found.texts)

    @classmethod
    def joined(cls, columns: Sequence["RawColumn"]) -> "RawColumn":
        """Returns the rows of several columns, one after the other."""
        if len(columns) == 1:
            return columns[0]
        if all(column.texts is None for column in columns):
            return cls(np.concatenate([column.values for column in columns]))
        columns = [column if column.texts is not None else column._written() for column in columns]
        names = {text: i for i, text in enumerate({t: 0 for c in columns for t in c.present})}
        indices = [[*(names[text] for text in c.present), len(names)] for c in columns]
        kind = np.min_scalar_type(len(names))
        values = [np.array(i, kind)[c.values] for i, c in zip(indices, columns, strict=True)]
        joined = np.concatenate(values)
        absent = [""] if (joined == len(names)).any() else []
        return cls(joined, np.array([*names, *absent], object))

    def _written(self) -> "RawColumn":
        """Returns a column of numbers as one of texts."""
        import polars as pl

        texts = [None if x != x else repr(x).removesuffix(".0") for x in self.values.tolist()]
        return RawColumn.of(pl.Series(texts, dtype=pl.String))

    @property
    def present(self) -> np.ndarray:
        """The different texts without the empty one."""
        texts = np.array([], object) if self.texts is None else self.texts
        return texts[:-1] if len(texts) and texts[-1] == "" else texts

    @property
    def missing(self) -> np.ndarray:
        """Whether each value is missing."""
        if self.texts is None:
            return np.isnan(self.values)
        return self.values == len(self.present)

    def take(self, rows: np.ndarray | slice) -> "RawColumn":
        """Returns some rows, by a mask, indices or a slice, with fewer texts if it can."""
        values, texts = self.values[rows], self.texts
        if texts is not None and not (values == len(self.present)).any():
            texts = self.present
        return RawColumn(values, texts)

    def compact(self) -> "RawColumn":
        """Returns the same column in fewer bytes, as a copy."""
        if self.texts is not None:
            kind = np.min_scalar_type(len(self.texts))
            return RawColumn(self.values.astype(kind), self.texts)
        for kind in (np.float16, np.float32):
            with np.errstate(over="ignore"):
                fewer = self.values.astype(kind)
            if np.array_equal(fewer, self.values, equal_nan=True):
                return RawColumn(fewer)
        return RawColumn(self.values.copy())

    def counts(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns the texts that occur, and how often each does."""
        texts = self.present
        occur = counts(self.values, len(texts))[: len(texts)]
        return texts[occur > 0], occur[occur > 0]

    def numbers(self) -> np.ndarray:
        """Returns numbers in float64, of which the texts must be."""
        import polars as pl

        if self.texts is None:
            return self.values.astype(np.float64, copy=False)
        numbers = pl.Series(self.texts, dtype=pl.String).cast(pl.Float64, strict=False)
        return numbers.fill_null(float("nan")).to_numpy()[self.values]

    def array(self, float_type: str) -> np.ndarray:
        """Returns the values as an encoder takes them: floats, or texts as objects."""
        return self.values.astype(float_type) if self.texts is None else self.texts[self.values]


def texts_of(values: "pl.Series") -> "pl.Series":
    """Returns text, booleans and dates as text.

    >>> import polars as pl
    >>> texts_of(pl.Series([True, None])).to_list()
    ['True', None]
    """
    import polars as pl

    if values.dtype == pl.String:
        return values
    if values.dtype == pl.Boolean:
        names = pl.when(pl.first()).then(pl.lit("True")).when(~pl.first()).then(pl.lit("False"))
        return values.to_frame().select(names.alias(values.name)).to_series()
    if values.dtype == pl.Date or not (values.dt.time() != datetime.time()).any():
        return values.dt.to_string("%Y-%m-%d")
    text = values.dt.to_string("%Y-%m-%d %H:%M:%S%.f")
    return text.str.replace(r"\.?0+$", "") if text.str.contains(r"\.").any() else text
