"""Tracing a model's inference into one TensorFlow program with named tensors."""

import dataclasses
import re
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn._checks.errors import InvalidArgument
from kerasnn.serving.errors import RefusedRowsError
from kerasnn.serving.graph import embedding_indices, outputs, tensor_names
from kerasnn.serving.runtime import raw_columns

_COLOUR = re.compile(r"\x1b\[[\d;]*m")
_HINT = (
    "Make its inputs known: export `keras.Model(inputs, model(inputs))`, where each of `inputs` "
    "is a `keras.Input` with a name, a shape and a dtype."
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Traced:
    """A model's inference, traced once for all signatures.

    Attributes:
        model: The model.
        encoder: Model from the columns of a table to the model's inputs, or None.
        structure: The model's inputs as `keras.KerasTensor`s, in its own lists and dictionaries.
        inputs: Input name -> `tf.TensorSpec`: the columns, in the order of the encoder's, or the
            model's inputs, in the order of the flattened structure.
        outputs: Output name -> `tf.TensorSpec`, in the order of the flattened outputs.
        activation: `softmax` or `sigmoid` where that computes the only output, else None.
        program: The concrete function from inputs to outputs, both by name.
    """

    model: keras.Model
    encoder: keras.Model | None
    structure: Any
    inputs: dict[str, tf.TensorSpec]
    outputs: dict[str, tf.TensorSpec]
    activation: str | None
    program: Any

    @property
    def columns(self) -> dict[str, str]:
        """Argument of the program -> name of the table's column; empty without an encoder."""
        return {} if self.encoder is None else {str(s.name): n for n, s in self.inputs.items()}

    def call(self, received: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Returns the output tensors by name, in the graph of a signature."""
        # A server does not compare a request with the signature's shapes; the graph does.
        checked = {n: tf.ensure_shape(received[n], spec.shape) for n, spec in self.inputs.items()}
        return self.program(checked)

    def predict(self, rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Returns what the Keras model predicts for `rows`, by the names of the outputs.

        Integers stay integers: the served ones are float32 and must be equal to them.

        Raises:
            RefusedRowsError: If the model raises an error.
            InvalidArgument: If the model predicts numbers that cannot be served.
        """
        tensors = {n: tf.constant(rows[n], spec.dtype) for n, spec in self.inputs.items()}
        # TF32 products have fewer digits than those of the CPU that verifies.
        is_tf32 = tf.config.experimental.tensor_float_32_execution_enabled()
        tf.config.experimental.enable_tensor_float_32_execution(False)
        try:
            if self.encoder is None:
                x = keras.tree.pack_sequence_as(self.structure, list(tensors.values()))
            else:
                x = self.encoder(tensors, training=False)
            predictions = self.model.predict_on_batch(x)
        except (tf.errors.OpError, ValueError) as error:
            raise RefusedRowsError(_message(error)) from error
        finally:
            tf.config.experimental.enable_tensor_float_32_execution(is_tf32)
        arrays = map(np.asarray, keras.tree.flatten(predictions))
        return {n: outputs.expected(n, a) for n, a in zip(self.outputs, arrays, strict=True)}


def trace(model: keras.Model, structure: Any, encoder: keras.Model | None = None) -> Traced:
    """Traces `model(x, training=False)`; the model stays as it is.

    Args:
        model: A built Keras model.
        structure: Its inputs, as `input_structure` returns them.
        encoder: Model from the columns of a table, a dictionary, to those inputs.

    Raises:
        InvalidArgument: If the model cannot be called so, or an output cannot be served.
    """
    names = tensor_names.of_inputs(structure)
    tensors = dict(zip(names, keras.tree.flatten(structure), strict=True))
    arguments = names
    if encoder is not None:
        tensors = encoder.input
        arguments = [raw_columns.argument(place) for place in range(len(tensors))]
    inputs = {
        name: tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype, argument)
        for (name, tensor), argument in zip(tensors.items(), arguments, strict=True)
    }

    def served(received: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        ordered = {name: received[name] for name in inputs}
        if encoder is not None:
            x = keras.tree.flatten(encoder(ordered, training=False))
            ordered = dict(zip(names, x, strict=True))
        checked = embedding_indices.checked(model, ordered)
        x = keras.tree.pack_sequence_as(structure, list(checked.values()))
        try:
            predictions = model(x, training=False)
        except (TypeError, ValueError) as error:
            shapes = ", ".join(str(spec.shape) for spec in inputs.values())
            raise InvalidArgument(
                "model",
                f"accept `model(x, training=False)` for x of shape {shapes}",
                model,
                f"Give some rows of its inputs, `examples=`, if they are of another dtype. {_HINT}",
                got=f"{type(error).__name__}: {_message(error)}",
            ) from error
        flat = keras.tree.flatten(predictions)
        if len(flat) > 1:
            given = tensor_names.of_outputs(predictions)
        else:
            given = ["predictions" if outputs.activation(flat[0]) is None else "probabilities"]
        return {n: outputs.writable(n, t) for n, t in zip(given, flat, strict=True)}

    program = tf.function(served, input_signature=[inputs], autograph=False).get_concrete_function()
    return Traced(
        model=model,
        encoder=encoder,
        structure=structure,
        inputs=inputs,
        outputs=specs(program.structured_outputs),
        activation=outputs.activation(program.outputs[0]) if len(program.outputs) == 1 else None,
        program=program,
    )


def specs(tensors: dict[str, Any]) -> dict[str, tf.TensorSpec]:
    """Returns the types and shapes of named tensors."""
    return {name: tf.TensorSpec(one.shape, one.dtype, name) for name, one in tensors.items()}


def input_structure(model: keras.Model) -> Any:
    """Returns a model's inputs as `keras.KerasTensor`s, in its own lists and dictionaries.

    A subclassed model records the shape of its first call but no dtype. It gets the dtype of its
    variables, unless the user's examples have another one.

    Raises:
        InvalidArgument: If the model recorded no shape.
    """
    if isinstance(model, keras.Sequential):
        return model.inputs[0]
    if records_dtypes(model):
        return model.input
    config = model.get_build_config() or {}
    if "input_shape" not in config:
        raise InvalidArgument(
            "model",
            "have one input, or a list or dict of them, of known shape",
            model,
            _HINT,
            got=f"the subclassed model `{model.name}`, which recorded none",
        )
    return keras.tree.map_shape_structure(
        lambda shape: keras.KerasTensor(shape, model.variable_dtype), config["input_shape"]
    )


def records_dtypes(model: keras.Model) -> bool:
    """Returns whether a model knows the dtypes of its inputs, as all but subclassed ones do."""
    return hasattr(model, "inputs")


def _message(error: Exception) -> str:
    """Returns an error's text without TensorFlow's source lines, node lists and colours."""
    lines = _COLOUR.sub("", str(getattr(error, "message", error))).splitlines()
    noise = ("Graph execution error", "Detected at node", "  File ", "\t [[")
    return "\n".join(line for line in lines if line.strip() and not line.startswith(noise))
