"""`Encoder`: model from the raw columns of a table to the inputs of a network."""

import ast
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn._core.raw_rows import MISSING_VALUES, columns_of, types_of
from kerasnn.data.tables.columns import (
    CategoryColumn,
    Column,
    DateColumn,
    NumberColumn,
    column_from_config,
)
from kerasnn.data.tables.columns.layers import EncodeColumns
from kerasnn.data.tables.columns.raw import RawColumn
from kerasnn.data.tables.columns.specs import shared_feature
from kerasnn.data.tables.columns.statistics import statistics_for
from kerasnn.data.tables.targets import float_dtype

_BLOCK_ROWS = 1 << 12


@dataclasses.dataclass(frozen=True)
class _Arguments:
    """The arguments; an object of its own, in which Keras looks for no layers."""

    columns: tuple[Column, ...]
    missing_values: tuple[str, ...]
    windows: int | None
    examples: dict[str, np.ndarray]
    float_type: str


@keras.saving.register_keras_serializable("kerasnn")
class Encoder(keras.Model):
    """Computes x from the raw columns of a table.

    x = (f_1(column 1), f_2(column 2), ...), where f depends on the kind of the column:

    | kind | columns of x |
    |---|---|
    | number | the number |
    | category | zeros and a one, by name; or, embedded, one index: 1, 2, ... by name, else 0 |
    | boolean | 1 for true, 0 for false |
    | date | year, month, day, weekday (0 is Monday), day of the year, days since the first training date; hour and minute where the column has times |

    `encode` is for asking about new rows, `model.predict(encoder.encode(rows))`: it takes them in
    any form by column name. A call takes arrays alone, so that it can be part of a graph.

    `data.from_csv` and `data.from_frame` make it from the training rows, as `split.encoder`. It
    has no weights, computes in a graph, and is saved and exported as any Keras model is.

    | a value that | gives |
    |---|---|
    | is a category that no training row has | zeros, or index 0 |
    | is missing, with `missing="error"` or `"drop"` for its column | an error of the graph |
    | is missing otherwise | what `missing` says in `data.from_csv`, also where no training row lacked it |
    | is infinite, or beyond the float type | an error of the graph |
    | is no boolean or date in such a column | an error of the graph |

    Texts are compared without blanks around them, character by character: an accented letter is
    another text where it is written as two characters (NFD), not one (NFC). Errors of the graph
    are `tf.errors.InvalidArgumentError`s that name column, row and value.

    Args:
        columns: The columns, of the classes in `kerasnn.data.tables.columns`.
        missing_values: Texts that stand for a missing value. The empty text always does.
        windows: Number of past steps in each row of a series; None for tables without time.
        examples: A few raw rows: name -> values.
        float_type: "float32" or "float64"; None is that of `keras.config.floatx()`.

    Attributes:
        features: Names of the columns of x.
        embeddings: Position in x of each embedded column -> number of its indices.

    Shape:
        A dictionary of raw columns -> `(batch, features)`. The keys are the names in the table,
        numbers are floats, with NaN for a missing one, and all others strings; each is `(batch,)`.
        With `windows` they are `(batch, windows)` -> `(batch, windows, features)`.

    Raises:
        InvalidArgument: If there is no column, or two have one name, or give x columns of one name.
        ValueError: If a column is missing in a call.

    Example:
        >>> import numpy as np
        >>> from kerasnn import data
        >>> from kerasnn.data.tables.columns import CategoryColumn, NumberColumn
        >>> grams = NumberColumn(name="grams", missing="mean", mean=5.0, minimum=1.0, maximum=9.0)
        >>> colour = CategoryColumn(name="colour", categories=("blue", "red"), commonest="red")
        >>> encoder = data.Encoder([grams, colour])
        >>> encoder.features
        ('grams', 'colour=blue', 'colour=red')
        >>> encoder({"colour": np.array(["red", "green"]), "grams": np.array([7, np.nan])}).numpy()
        array([[7., 0., 1.], [5., 0., 0.]], dtype=float32)
        >>> encoder.encode([{"grams": 7, "colour": "blue"}, {"grams": None, "colour": "red"}])
        array([[7., 1., 0.], [5., 0., 1.]], dtype=float32)
    """  # noqa: E501

    @_checks.ends_with_caller
    def __init__(
        self,
        columns: Sequence[Column],
        *,
        missing_values: Sequence[str] = MISSING_VALUES,
        windows: int | None = None,
        examples: Mapping[str, Any] | None = None,
        float_type: str | None = None,
        name: str = "encoder",
        **kwargs: Any,
    ) -> None:
        names = [column.name for column in columns]
        if not names or len(set(names)) < len(names):
            raise _checks.InvalidArgument("columns", "be one or more of different names", names)
        shared = shared_feature(columns)
        if shared is not None:
            raise _checks.InvalidArgument(
                "columns",
                "give x columns of different names",
                names,
                "Rename one of them.",
                got=f"{shared[2]!r} of both {shared[0]!r} and {shared[1]!r}",
            )
        float_type = float_type or float_dtype()
        _checks.one_of("float_type", float_type, ["float32", "float64"])
        if windows is not None:
            _checks.integer("windows", windows)
        shape = () if windows is None else (windows,)
        inputs = {}
        for column in columns:
            dtype = float_type if column.kind == "number" else "string"
            inputs[column.name] = keras.Input(shape, dtype=dtype)
            # A layer's name cannot hold a slash, but its output's can.
            inputs[column.name].name = column.name
        encode = EncodeColumns(columns, missing_values, dtype=float_type, name="encode")
        super().__init__(inputs=inputs, outputs=encode(inputs), name=name, **kwargs)
        self._arguments = _Arguments(
            tuple(columns),
            tuple(missing_values),
            windows,
            {
                column.name: _array((examples or {}).get(column.name, ()), column, float_type)
                for column in columns
            },
            float_type,
        )

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns, in the order of x."""
        return self._arguments.columns

    @property
    def missing_values(self) -> tuple[str, ...]:
        """Texts that stand for a missing value."""
        return self._arguments.missing_values

    @property
    def windows(self) -> int | None:
        """Number of past steps in each row; None without them."""
        return self._arguments.windows

    @property
    def examples(self) -> dict[str, np.ndarray]:
        """A few raw rows: name -> array."""
        return dict(self._arguments.examples)

    @property
    def float_type(self) -> str:
        """The type of numbers and of x."""
        return self._arguments.float_type

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns of x."""
        return tuple(name for column in self.columns for name in column.features)

    @property
    def embeddings(self) -> dict[int, int]:
        """Position in x of each embedded column -> number of its indices."""
        sizes, position = {}, 0
        for column in self.columns:
            if isinstance(column, CategoryColumn) and column.embedded:
                sizes[position] = len(column.categories) + 1
            position += len(column.features)
        return sizes

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Encodes the columns by name; others in the dictionary are ignored."""
        if isinstance(inputs, Mapping):
            inputs = {column.name: inputs[column.name] for column in self.columns}
        return super().call(inputs, training=training, mask=mask)

    @_checks.ends_with_caller
    def encode(self, rows: Any) -> np.ndarray:
        """Returns x of rows by column name, as for `model.predict`.

        Args:
            rows: Dictionary of columns, list of dictionaries, or frame of pandas, polars or
                pyarrow, of the columns of the encoder alone, in any order. None, NaN, NaT and NA
                are missing; booleans, dates and numbers in a column of text are taken as their
                text, times with a zone in UTC. With `windows` each row has so many values.

        Raises:
            InvalidArgument: If a column is missing, unknown or of the wrong type; or if a value is
                missing that must not be, or is no boolean or date, with its row. The argument is
                the column.

        Example:
            >>> from kerasnn import data
            >>> from kerasnn.data.tables.columns import NumberColumn
            >>> encoder = data.Encoder([NumberColumn(name="grams", mean=5, minimum=1, maximum=9)])
            >>> encoder.encode({"grams": [7, 8]}).tolist()
            [[7.0], [8.0]]
            >>> encoder.encode({"grams": [7, None]})
            Traceback (most recent call last):
            kerasnn.InvalidArgument: `grams` must hold a value; got nan in row 1. Leave that row
            out, or read the table with missing='mean' or 'indicator'.
        """
        inputs: Any = self.input
        given = columns_of(rows, types_of(inputs), argument="rows")
        arrays = [given[column.name] for column in self.columns]
        layer: Any = self.get_layer("encode")
        try:
            parts = [
                layer.encode(
                    i, tf.constant(array, tf.string if array.dtype == object else array.dtype)
                )
                for i, array in enumerate(arrays)
            ]
        except tf.errors.InvalidArgumentError as error:
            raise _checks.from_text(_readable(error.message)) from None
        return np.concatenate(parts, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {
            "columns": [column.get_config() for column in self.columns],
            "missing_values": list(self.missing_values),
            "windows": self.windows,
            "examples": {name: _listed(array) for name, array in self.examples.items()},
            "float_type": self.float_type,
            "name": self.name,
            "trainable": self.trainable,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "Encoder":
        """Returns the encoder that `get_config` described."""
        columns = [column_from_config(column) for column in config["columns"]]
        return cls(**{**config, "columns": columns})


def encode(encoder: Encoder, raw: Mapping[str, RawColumn]) -> np.ndarray:
    """Returns x of raw columns of one shape; the encoder sees each different text once."""
    shape = next(iter(raw.values())).values.shape
    x = np.empty((*shape, len(encoder.features)), encoder.float_type)
    layer: Any = encoder.get_layer("encode")
    parts, start = [], 0
    for i, column in enumerate(encoder.columns):
        values, end = raw[column.name], start + len(column.features)
        indices = None if values.texts is None else values.values
        encoded = _filled(column, values.values) if isinstance(column, NumberColumn) else None
        if encoded is None:
            given = values.array(encoder.float_type) if values.texts is None else values.texts
            encoded = layer.encode(i, tf.constant(given)).numpy()
        parts.append((slice(start, end), encoded, indices))
        start = end
    # Some rows at a time stay in the processor's cache.
    for first in range(0, len(x), _BLOCK_ROWS):
        block = slice(first, first + _BLOCK_ROWS)
        for columns, encoded, indices in parts:
            # Clipping is quicker than a check of the indices, which are those of the texts.
            x[block, ..., columns] = (
                encoded[block]
                if indices is None
                else encoded.take(indices[block], axis=0, mode="clip")
            )
    return x


def learned_anew(encoder: Encoder, raw: Mapping[str, RawColumn], rows: np.ndarray) -> Encoder:
    """Returns an encoder of the same columns that has learned from some rows alone.

    A column without a value in these rows is left out.

    Args:
        encoder: The encoder.
        raw: Its raw columns.
        rows: Indices of the rows to learn from.
    """
    columns: list[Column] = []
    for column in encoder.columns:
        statistics = statistics_for(
            column.kind,
            column.name,
            column.missing,
            check=False,
            # As in the whole, whatever number of categories these rows have.
            embed_above=0 if isinstance(column, CategoryColumn) and column.embedded else None,
            date_format=column.date_format if isinstance(column, DateColumn) else None,
        )
        statistics.update(raw[column.name].take(rows))
        if statistics.rows:
            columns.append(statistics.finish())
    return Encoder(
        columns,
        missing_values=encoder.missing_values,
        windows=encoder.windows,
        float_type=encoder.float_type,
    )


def _filled(column: NumberColumn, numbers: np.ndarray) -> np.ndarray | None:
    """Returns the columns of x of numbers, without a copy where none is missing.

    None where the encoder would refuse them, which then names the row.
    """
    finite = np.isfinite(numbers)
    if not finite.all():
        if not column.fills or np.isinf(numbers).any():
            return None
        numbers = np.where(finite, numbers, column.fill)
    if column.has_indicator:
        return np.stack([numbers, ~finite], axis=-1)
    return numbers[..., np.newaxis]


def _readable(message: str) -> str:
    """Returns the text of a failed assertion, which TensorFlow writes as bytes of Python."""
    text = message.partition("Summarized data: ")[2]
    try:
        return ast.literal_eval(text).decode(errors="replace")
    except (SyntaxError, ValueError):
        return message


def _array(values: Any, column: Column, float_type: str) -> np.ndarray:
    """Returns raw values as an array: numbers as floats, with NaN for None, or texts."""
    if column.kind == "number":
        return np.array(values, float).astype(float_type)
    return np.array(values, object)


def _listed(array: np.ndarray) -> list:
    """Returns an array as lists that JSON can hold: None for NaN."""
    if array.dtype == object:
        return array.tolist()
    numbers: Any = array.astype(object)
    numbers[np.isnan(array)] = None
    return numbers.tolist()
