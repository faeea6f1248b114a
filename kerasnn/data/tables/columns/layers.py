"""Layers from the raw values of a column to its columns of x."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from kerasnn.data.tables.columns.dates import DateFormat, parse_dates
from kerasnn.data.tables.columns.specs import (
    BooleanColumn,
    CategoryColumn,
    Column,
    DateColumn,
    NumberColumn,
    column_from_config,
)

# Blanks of Unicode: `tf.strings.strip` knows ASCII's alone.
_BLANK = r"[\t-\r \x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]"
_BLANKS_AROUND = f"^{_BLANK}+|{_BLANK}+$"


class ColumnLayer(keras.layers.Layer):
    """Base of the layers below: `(batch, ...)` raw values -> `(batch, ..., columns of x)`.

    Args:
        column: The column.
        missing_values: Texts that stand for a missing value; the empty text always does.
    """

    def __init__(self, column: Column, missing_values: Sequence[str] = (), **kwargs: Any) -> None:
        # Numbers come in float_type already, and texts cannot be cast.
        super().__init__(autocast=False, **kwargs)
        self.column = column
        self.missing_values = tuple(dict.fromkeys(("", *missing_values)))

    def build(self, input_shape: Any) -> None:
        """Has nothing to create; else Keras would call the layer to find out."""

    def compute_output_spec(self, inputs: Any) -> Any:
        """Returns the input's shape, with the columns of x as its last axis."""
        shape = (*inputs.shape, len(self.column.features))
        return keras.KerasTensor(shape, dtype=self.variable_dtype)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {
            **super().get_config(),
            "column": self.column.get_config(),
            "missing_values": list(self.missing_values),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ColumnLayer":
        """Returns the layer that `get_config` described."""
        return cls(**{**config, "column": column_from_config(config["column"])})

    def _texts(self, inputs: Any) -> tuple[Any, Any]:
        """Returns texts without blanks around them, and which are missing."""
        texts: Any = tf.strings.regex_replace(inputs, _BLANKS_AROUND, "")
        missing = tf.reduce_any(texts[..., tf.newaxis] == list(self.missing_values), axis=-1)
        return self._checked(texts, missing), missing

    def _checked(self, values: Any, missing: Any) -> Any:
        """Returns the values; fails where one is missing and must not be."""
        if self.column.fills:
            return values
        return self._require(~missing, values, "has no value")

    def _require(self, valid: Any, values: Any, words: str) -> Any:
        """Returns the values; fails with the first row that is not valid, and its value."""
        check = tf.debugging.Assert(
            tf.reduce_all(valid),
            [
                f"Column {self.column.name!r} {words}; index of the row, and value:",
                tf.where(~valid)[:1],
                tf.boolean_mask(values, ~valid)[:1],
            ],
        )
        with tf.control_dependencies([] if check is None else [check]):
            return tf.identity(values)

    def _stacked(self, values: Sequence[Any], missing: Any) -> Any:
        """Returns columns of x, with the one that says which values are missing."""
        columns = [*values, missing] if self.column.has_indicator else values
        return tf.stack([tf.cast(column, self.variable_dtype) for column in columns], axis=-1)


@keras.saving.register_keras_serializable("kerasnn")
class EncodeNumber(ColumnLayer):
    """Numbers: NaN is missing, and infinity an error."""

    column: NumberColumn

    def call(self, inputs: Any) -> Any:
        """Fills what is missing."""
        missing: Any = tf.math.is_nan(inputs)
        values = self._checked(inputs, missing)
        words = f"must hold finite numbers of {self.variable_dtype}"
        values = self._require(~tf.math.is_inf(values), values, words)
        fill = tf.cast(self.column.fill, values.dtype)
        return self._stacked([tf.where(missing, fill, values)], missing)


@keras.saving.register_keras_serializable("kerasnn")
class EncodeCategory(ColumnLayer):
    """Names as zeros and ones, or as indices: zeros, or index 0, where the name is unknown."""

    column: CategoryColumn

    def __init__(self, column: Column, missing_values: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(column, missing_values, **kwargs)
        # A blank is no name, for none has blanks around it.
        self.lookup = keras.layers.StringLookup(
            vocabulary=list(self.column.categories), num_oov_indices=1, oov_token=" "
        )

    def call(self, inputs: Any) -> Any:
        """Looks up names."""
        texts, missing = self._texts(inputs)
        filler = self.column.commonest if self.column.missing in ("mean", "median") else " "
        indices: Any = self.lookup(tf.where(missing, filler, texts))
        if self.column.embedded:
            return tf.cast(indices[..., tf.newaxis], self.variable_dtype)
        one_hot = tf.one_hot(indices - 1, len(self.column.categories), dtype=self.variable_dtype)
        if not self.column.has_indicator:
            return one_hot
        flag = tf.cast(missing, self.variable_dtype)[..., tf.newaxis]
        return tf.concat([one_hot, flag], axis=-1)


@keras.saving.register_keras_serializable("kerasnn")
class EncodeBoolean(ColumnLayer):
    """Texts "true" and "false" in any case, or "1" and "0", as ones and zeros."""

    column: BooleanColumn

    def call(self, inputs: Any) -> Any:
        """Compares the texts."""
        texts, missing = self._texts(inputs)
        lower = tf.strings.lower(texts)
        is_true: Any = (lower == "true") | (lower == "1")
        is_false: Any = (lower == "false") | (lower == "0")
        known = self._require(is_true | is_false | missing, texts, "must hold true or false")
        with tf.control_dependencies([known]):
            values = tf.where(missing, self.column.commonest, is_true)
        return self._stacked([values], missing)


@keras.saving.register_keras_serializable("kerasnn")
class EncodeDate(ColumnLayer):
    """Dates as parts and days since the first, with the fraction of the day if there are times."""

    column: DateColumn

    def call(self, inputs: Any) -> Any:
        """Parses the texts."""
        texts, missing = self._texts(inputs)
        date_format = DateFormat.parse(self.column.date_format)
        texts = tf.where(missing, self.column.median or self.column.first, texts)
        dates = parse_dates(texts, date_format)
        written = "ISO's 2024-12-31" if self.column.date_format is None else "its format"
        first = parse_dates(tf.constant(self.column.first), date_format)
        days = dates.days - first.days
        days = days if self.column.has_times else tf.floor(days)
        checked = self._require(dates.valid, texts, f"must hold dates as in {written}")
        with tf.control_dependencies([checked]):
            parts = {**dates._asdict(), "days": tf.identity(days)}
        return self._stacked([parts[part] for part in self.column.parts], missing)


_LAYERS = {
    "number": EncodeNumber,
    "category": EncodeCategory,
    "boolean": EncodeBoolean,
    "date": EncodeDate,
}


def layer_for(column: Column, missing_values: Sequence[str], **kwargs: Any) -> ColumnLayer:
    """Returns the layer for a column."""
    return _LAYERS[column.kind](column, missing_values, **kwargs)
