"""Columns of a table as arrays, in which each different text stands once."""

import dataclasses

import numpy as np
import polars as pl


@dataclasses.dataclass(frozen=True)
class RawColumn:
    """Raw values of a column: numbers, or indices into its different texts.

    Args:
        values: `(rows,)` float64 numbers, with NaN for a missing one; or indices.
        texts: The different texts, the empty one for missing values last; none for numbers.
        is_text: Whether the column is one of texts.
    """

    values: np.ndarray
    texts: np.ndarray = dataclasses.field(default_factory=lambda: np.array([], object))
    is_text: bool = True

    @classmethod
    def of(cls, values: pl.Series) -> "RawColumn":
        """Returns the column of a series, as `kinds.raw_values` gives it."""
        if values.dtype == pl.Float64:
            return cls(values.fill_null(float("nan")).to_numpy(), is_text=False)
        texts = values.unique().drop_nulls()
        indices = values.cast(pl.Enum(texts)).to_physical().fill_null(len(texts))
        absent = [""] if values.null_count() else []
        return cls(indices.to_numpy(), np.array([*texts.to_list(), *absent], object))

    def take(self, rows: np.ndarray) -> "RawColumn":
        """Returns some rows, of any shape."""
        values, texts = self.values[rows], self.texts
        if self.is_text and texts[-1] == "" and not (values == len(texts) - 1).any():
            texts = texts[:-1]
        return dataclasses.replace(self, values=values, texts=texts)

    def array(self, float_type: str) -> np.ndarray:
        """Returns the values as an encoder takes them: floats, or texts as objects."""
        return self.texts[self.values] if self.is_text else self.values.astype(float_type)
