"""The layer from the raw values of columns to x."""

import abc
from collections.abc import Mapping, Sequence
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
_FILL = "Leave that row out, or read the table with missing='mean' or 'indicator'."


@keras.saving.register_keras_serializable("kerasnn")
class EncodeColumns(keras.layers.Layer):
    """Encodes the columns of a table, as `data.Encoder` describes.

    One layer for all columns: a Keras layer costs some milliseconds to make.

    Args:
        columns: The columns.
        missing_values: Texts that stand for a missing value; the empty text always does.

    Shape:
        Name -> `(batch, ...)`, for each column -> `(batch, ..., columns of x)`.
    """

    def __init__(
        self, columns: Sequence[Column], missing_values: Sequence[str] = (), **kwargs: Any
    ) -> None:
        # Numbers come in the right type, and texts cannot be cast.
        super().__init__(autocast=False, **kwargs)
        self.missing_values = tuple(missing_values)
        missing = tuple(dict.fromkeys(("", *missing_values)))
        self._encodings = _Encodings(
            [_KINDS[column.kind](column, missing, self.variable_dtype) for column in columns]
        )
        # A SavedModel holds the tables of layers that are attributes, but not those in a list.
        for i, encoding in enumerate(self._encodings.all):
            if isinstance(encoding, _Category):
                setattr(self, f"lookup_{i}", encoding.lookup)

    def build(self, input_shape: Any) -> None:
        """Has nothing to create; else Keras would call the layer to find out."""

    def encode(self, index: int, values: Any) -> Any:
        """Returns the columns of x of one column."""
        return self._encodings.all[index](values)

    def call(self, inputs: Mapping[str, Any]) -> Any:
        """Encodes all columns."""
        parts = [encoding(inputs[encoding.column.name]) for encoding in self._encodings.all]
        return parts[0] if len(parts) == 1 else tf.concat(parts, axis=-1)

    def compute_output_spec(self, inputs: Mapping[str, Any]) -> Any:
        """Returns the shape of one column, with all columns of x as its last axis."""
        width = sum(len(encoding.column.features) for encoding in self._encodings.all)
        shape = next(iter(inputs.values())).shape
        return keras.KerasTensor((*shape, width), dtype=self.variable_dtype)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {
            **super().get_config(),
            "columns": [encoding.column.get_config() for encoding in self._encodings.all],
            "missing_values": list(self.missing_values),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "EncodeColumns":
        """Returns the layer that `get_config` described."""
        columns = [column_from_config(column) for column in config["columns"]]
        return cls(**{**config, "columns": columns})


class _Encodings:
    """The encodings; an object of its own, in which Keras looks for no layers."""

    def __init__(self, encodings: "list[_Encoding]") -> None:
        self.all = encodings


class _Encoding(abc.ABC):
    """Base of the encodings of one column: `(...)` raw values -> `(..., columns of x)`.

    Args:
        column: The column.
        missing_values: Texts that stand for a missing value.
        dtype: Type of x.
    """

    def __init__(self, column: Any, missing_values: Sequence[str], dtype: str) -> None:
        self.column = column
        self.missing_values = list(missing_values)
        self.dtype = dtype

    @abc.abstractmethod
    def __call__(self, values: Any) -> Any:
        """Encodes raw values."""

    def texts(self, values: Any) -> tuple[Any, Any]:
        """Returns texts without blanks around them, and which are missing."""
        texts: Any = tf.strings.regex_replace(values, _BLANKS_AROUND, "")
        missing = tf.reduce_any(texts[..., tf.newaxis] == self.missing_values, axis=-1)
        return self.filled(texts, missing), missing

    def filled(self, values: Any, missing: Any) -> Any:
        """Returns the values; fails where one is missing and must not be."""
        if self.column.fills:
            return values
        return self.require(~missing, values, "hold a value", _FILL)

    def require(self, valid: Any, values: Any, rule: str, hint: str = "") -> Any:
        """Returns the values; fails with the first that is not valid, and its row.

        The message has the form of `InvalidArgument`, which a caller in Python makes of it.
        """
        if tf.executing_eagerly() and tf.reduce_all(valid):
            return values  # The message would take longer than all else.
        wrong: Any = tf.boolean_mask(values, ~valid)[:1]
        quote = "'" if wrong.dtype == tf.string else ""
        wrong = wrong if quote else tf.strings.as_string(wrong, shortest=True)
        place = tf.strings.as_string(tf.where(~valid)[:1])
        message = tf.strings.join(
            [
                f"`{self.column.name}` must {rule}; got {quote}",
                tf.strings.reduce_join(wrong),
                f"{quote} in row ",
                # With windows a value has a row and a step.
                tf.strings.reduce_join(place, separator=", step "),
                f". {hint}" if hint else "",
            ]
        )
        check = tf.debugging.Assert(tf.reduce_all(valid), [message])
        with tf.control_dependencies([] if check is None else [check]):
            return tf.identity(values)

    def stacked(self, values: Sequence[Any], missing: Any) -> Any:
        """Returns columns of x, with the one that says which values are missing."""
        columns = [*values, missing] if self.column.has_indicator else values
        return tf.stack([tf.cast(column, self.dtype) for column in columns], axis=-1)


class _Number(_Encoding):
    """Numbers: NaN is missing, and infinity an error."""

    column: NumberColumn

    def __call__(self, values: Any) -> Any:
        missing: Any = tf.math.is_nan(values)
        values = self.filled(values, missing)
        rule = f"hold finite numbers of {self.dtype}"
        values = self.require(~tf.math.is_inf(values), values, rule)
        return self.stacked(
            [tf.where(missing, tf.cast(self.column.fill, self.dtype), values)], missing
        )


class _Category(_Encoding):
    """Names as zeros and ones, or as indices: zeros, or index 0, where the name is unknown."""

    column: CategoryColumn

    def __init__(self, column: Any, missing_values: Sequence[str], dtype: str) -> None:
        super().__init__(column, missing_values, dtype)
        # A blank is no name, for none has blanks around it.
        self.lookup = keras.layers.StringLookup(
            vocabulary=list(self.column.categories), num_oov_indices=1, oov_token=" "
        )

    def __call__(self, values: Any) -> Any:
        texts, missing = self.texts(values)
        filler = self.column.commonest if self.column.missing in ("mean", "median") else " "
        indices: Any = self.lookup(tf.where(missing, filler, texts))
        if self.column.embedded:
            return tf.cast(indices[..., tf.newaxis], self.dtype)
        one_hot = tf.one_hot(indices - 1, len(self.column.categories), dtype=self.dtype)
        if not self.column.has_indicator:
            return one_hot
        return tf.concat([one_hot, tf.cast(missing, self.dtype)[..., tf.newaxis]], axis=-1)


class _Boolean(_Encoding):
    """Texts "true" and "false" in any case, or "1" and "0", as ones and zeros."""

    column: BooleanColumn

    def __call__(self, values: Any) -> Any:
        texts, missing = self.texts(values)
        lower = tf.strings.lower(texts)
        is_true: Any = (lower == "true") | (lower == "1")
        is_false: Any = (lower == "false") | (lower == "0")
        known = self.require(is_true | is_false | missing, texts, "hold true or false")
        with tf.control_dependencies([known]):
            filled = tf.where(missing, self.column.commonest, is_true)
        return self.stacked([filled], missing)


class _Date(_Encoding):
    """Dates as parts and days since the first, with the fraction of the day if there are times."""

    column: DateColumn

    def __call__(self, values: Any) -> Any:
        texts, missing = self.texts(values)
        date_format = DateFormat.parse(self.column.date_format)
        texts = tf.where(missing, self.column.median or self.column.first, texts)
        dates = parse_dates(texts, date_format)
        days = dates.days - parse_dates(tf.constant(self.column.first), date_format).days
        days = days if self.column.has_times else tf.floor(days)
        written = self.column.date_format or "2024-12-31"
        checked = self.require(dates.valid, texts, f"hold dates as {written}")
        with tf.control_dependencies([checked]):
            parts = {**dates._asdict(), "days": tf.identity(days)}
        return self.stacked([parts[part] for part in self.column.parts], missing)


_KINDS = {"number": _Number, "category": _Category, "boolean": _Boolean, "date": _Date}
