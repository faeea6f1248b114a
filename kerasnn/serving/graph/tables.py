"""Tables: the encoder in front of a model, its rows, and its description."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn._checks.errors import InvalidArgument
from kerasnn._core import raw_rows
from kerasnn.data.tables.encoder import Encoder
from kerasnn.serving.graph.traced import input_structure
from kerasnn.serving.runtime import coerce_inputs
from kerasnn.serving.runtime.recorded_examples import Arrays


def checked(encoder: Any, model: keras.Model) -> Any:
    """Returns the model's inputs as `keras.KerasTensor`s, in its own lists and dictionaries.

    Raises:
        InvalidArgument: If the encoder does not take columns by name, or does not give the model's
            inputs.
    """
    is_model = isinstance(encoder, keras.Model) and hasattr(encoder, "inputs")
    columns = encoder.input if is_model else None
    if not isinstance(columns, Mapping) or not all(map(_is_column, columns.items())):
        raise InvalidArgument(
            "encoder",
            "be a functional Keras model whose inputs are a dictionary, column name -> Input of "
            "shape (), or (n,) for n past steps",
            encoder,
            "`split.encoder` of `data.from_csv` and `data.from_frame` is one.",
            got=_shapes(columns) if is_model else f"a {type(encoder).__name__}",
        )
    structure = input_structure(model)
    given, taken = keras.tree.flatten(encoder.output), keras.tree.flatten(structure)
    if len(given) != len(taken) or not all(map(_fits, given, taken)):
        raise InvalidArgument(
            "encoder",
            f"give what the model takes, {_shapes(structure)}",
            encoder,
            "Give the encoder of the data that the model was trained on.",
            got=_shapes(encoder.output),
        )
    # A subclassed model knows no dtypes of its own.
    return keras.tree.pack_sequence_as(structure, given)


def _is_column(named: tuple[Any, Any]) -> bool:
    name, tensor = named
    sizes = getattr(tensor, "shape", (None,) * 3)[1:]
    return isinstance(name, str) and len(sizes) <= 1 and None not in sizes


def _fits(given: Any, taken: Any) -> bool:
    return len(given.shape) == len(taken.shape) and all(
        None in pair or pair[0] == pair[1] for pair in zip(given.shape, taken.shape, strict=True)
    )


def _shapes(tensors: Any) -> str:
    shapes = []
    for tensor in keras.tree.flatten(tensors):
        sizes = ["any" if size is None else str(size) for size in tensor.shape[1:]]
        shapes.append(f"({', '.join(['batch', *sizes])})")
    return ", ".join(shapes)


def example_rows(encoder: keras.Model, examples: Any) -> Arrays:
    """Returns raw rows as column name -> array: the user's, or the encoder's own.

    Raises:
        InvalidArgument: If there are none, or they do not fit the columns.
    """
    if examples is None and isinstance(encoder, Encoder):
        examples = encoder.examples
    columns: Any = encoder.input
    rows, inputs = None, raw_rows.types_of(columns)
    if examples is not None:
        rows = raw_rows.columns_of(examples, inputs, argument="examples")
    if rows is None or not len(next(iter(rows.values()))):
        raise InvalidArgument(
            "examples",
            "be some raw rows, at least one, where the encoder has no examples of its own",
            examples,
            "Give some of the table, as in `examples=frame[:8]`.",
        )
    return coerce_inputs.fitted(rows, inputs)


def described(
    encoder: keras.Model | None, inputs: Mapping[str, tf.TensorSpec], rows: Arrays
) -> dict[str, Any] | None:
    """Returns the table for the model card, or None where there is none.

    Args:
        encoder: The encoder.
        inputs: Column name -> `tf.TensorSpec`.
        rows: Raw rows, of which the first is the example.
    """
    if encoder is None:
        return None
    known, table = {}, {}
    if isinstance(encoder, Encoder):
        known = {
            column.name: {**column.get_config(), "missing_allowed": column.fills}
            for column in encoder.columns
        }
        table = {"missing_values": list(encoder.missing_values), "windows": encoder.windows}
    columns = [
        {
            "name": name,
            "dtype": spec.dtype.name,
            "shape": spec.shape.as_list(),
            **known.get(name, {}),
            "example": _plain(rows[name][0]),
        }
        for name, spec in inputs.items()
    ]
    return {**table, "columns": columns}


def cell(value: Any) -> Any:
    """Returns a column's value in one row as Python's own.

    >>> cell(b"red"), cell(np.float32(5.1)), cell(np.array([1, np.nan], "float32"))
    ('red', 5.1, [1.0, nan])
    """
    if isinstance(value, (np.ndarray, list)):
        return [cell(item) for item in value]
    if isinstance(value, bytes):
        return value.decode()
    if getattr(value, "dtype", None) == np.float32:
        # The shortest number that float32 rounds to it.
        return float(str(value))
    return np.asarray(value).item()


def _plain(value: Any) -> Any:
    """Returns a value of a row as JSON holds it: None for NaN."""
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value]
    value = cell(value)
    return None if value != value else value
