"""What is served of a model: its inference, as one traced program with named tensors."""

import re
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn.serving.graph import (
    dtype_check,
    embedding_indices,
    graph_consumers,
    outputs,
    restrictions,
    tensor_names,
)

_COLOUR = re.compile(r"\x1b\[[\d;]*m")
_HINT = (
    "Make its inputs known: export `keras.Model(inputs, model(inputs))`, where each of `inputs` "
    "is a `keras.Input` with a name, a shape and a dtype."
)


class Inference:
    """The inference of one model, traced once for all signatures.

    Args:
        model: A built Keras model.

    Attributes:
        model: The same.
        inputs: Input name -> `tf.TensorSpec`, in the order of the flattened structure.
        activation: `softmax` or `sigmoid` where that gives the one output, else None.
        module: Holds the variables and tables that the program reads, each once, and no others.

    Raises:
        ValueError: If the model's inputs are not known, if it keeps state between calls, calls
            Python or reads files, or if an output cannot be served.
    """

    def __init__(self, model: keras.Model) -> None:
        parts = tf.train.TrackableView(model).descendants()
        restrictions.check_layers(parts)
        self.model = model
        self._structure = _structure(model)
        self._trace()
        # Of a subclassed model no dtype was recorded, but what it makes of its inputs tells.
        dtypes = [graph_consumers.only_cast(tensor) for tensor in self._received.values()]
        if not hasattr(model, "inputs") and any(dtypes):
            self._structure = keras.tree.pack_sequence_as(
                self._structure,
                [
                    keras.KerasTensor(spec.shape, (dtype or spec.dtype).name)
                    for spec, dtype in zip(self.inputs.values(), dtypes, strict=True)
                ],
            )
            self._trace()
        restrictions.check_operations(self._program.graph.as_graph_def())
        if not hasattr(model, "inputs"):
            dtype_check.check(model, self._structure, _HINT)
        self.module = tf.Module()
        # The program has them in no order, and their names depend on other models.
        places = {id(variable.value): place for place, variable in enumerate(model.variables)}
        self.module.weights = sorted(
            self._program.variables, key=lambda variable: places.get(id(variable), len(places))
        )
        self.module.tables = [
            part
            for part in parts
            if isinstance(part, tf.saved_model.experimental.TrackableResource)
            and any(part.resource_handle is c for c in self._program.captured_inputs)
        ]
        owned = [variable.handle for variable in self._program.variables]
        restrictions.check_resources(
            self._program.captured_inputs, owned + [t.resource_handle for t in self.module.tables]
        )

    def tables(self, name: str) -> list[Any]:
        """Returns the handles of the lookup tables that the input `name` holds keys of."""
        captured = self._program.captured_inputs
        inside = self._program.inputs[len(self._program.inputs) - len(captured) :]
        found = graph_consumers.tables(self._received[name])
        return [
            handle
            for handle, placeholder in zip(captured, inside, strict=True)
            if any(placeholder is table for table in found)
        ]

    @property
    def outputs(self) -> dict[str, tf.TensorSpec]:
        """Output name -> its type and shape."""
        return self._program.structured_outputs

    def __call__(self, received: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Returns the outputs by name, in the graph of a signature."""
        # A server does not compare a request with the signature's shapes; the graph does.
        return self._program(
            {
                name: tf.ensure_shape(received[name], spec.shape)
                for name, spec in self.inputs.items()
            }
        )

    def run(self, rows: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Returns what the traced program answers.

        Raises:
            ValueError: If it does not, in TensorFlow's words.
        """
        x = {name: tf.constant(rows[name], spec.dtype) for name, spec in self.inputs.items()}
        try:
            answers = self._program(x)
        except (tf.errors.OpError, ValueError) as error:
            raise ValueError(_said(error)) from None
        for name, answer in answers.items():
            # A convolution over too little gives an empty tensor of any shape.
            if not self.outputs[name].shape.is_compatible_with(answer.shape):
                raise ValueError(f"`{name}` has shape {answer.shape}.")
        return [answer.numpy() for answer in answers.values()]

    def predict(self, rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Returns what the model itself predicts for `rows`, by the same names.

        Whole numbers stay so, for the served ones, which are float32, are to be equal to them.

        Raises:
            ValueError: If it cannot, or predicts what cannot be served.
        """
        x = keras.tree.pack_sequence_as(
            self._structure,
            [tf.constant(rows[name], spec.dtype) for name, spec in self.inputs.items()],
        )
        # The digits of a TF32 product are those of another device.
        is_tf32 = tf.config.experimental.tensor_float_32_execution_enabled()
        tf.config.experimental.enable_tensor_float_32_execution(False)
        try:
            answers = self.model.predict_on_batch(x)
        except (tf.errors.OpError, ValueError) as error:
            raise ValueError(
                "`model` must answer the inputs that an export is checked with: floats in [0, 1), "
                f"whole numbers 0 and 1, and what is in its vocabulary; got {_said(error)}\n"
                "Give each `keras.Input` the dtype of what it takes, and each vocabulary an input "
                "of its own or a place for other values: `num_oov_indices=1`."
            ) from error
        finally:
            tf.config.experimental.enable_tensor_float_32_execution(is_tf32)
        flat = [np.asarray(answer) for answer in keras.tree.flatten(answers)]
        return {n: outputs.expected(n, a) for n, a in zip(self._output_names, flat, strict=True)}

    def _trace(self) -> None:
        tensors = keras.tree.flatten(self._structure)
        self.inputs = {
            name: tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype, name)
            for name, tensor in zip(tensor_names.of_inputs(self._structure), tensors, strict=True)
        }
        self.activation: str | None = None
        traced = tf.function(self._answer, input_signature=[self.inputs], autograph=False)
        self._program = traced.get_concrete_function()

    def _answer(self, tensors: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        self._received = {name: tensors[name] for name in self.inputs}
        checked = embedding_indices.checked(self.model, self._received)
        x = keras.tree.pack_sequence_as(self._structure, list(checked.values()))
        try:
            answers = self.model(x, training=False)
        except (TypeError, ValueError) as error:
            shapes = ", ".join(str(spec.shape) for spec in self.inputs.values())
            raise ValueError(
                f"`model` must answer `model(x, training=False)` for x of shape {shapes}; "
                f"got {type(error).__name__}: {_said(error)}\n{_HINT}"
            ) from error
        flat = keras.tree.flatten(answers)
        if len(flat) == 1:
            self.activation = outputs.activation(flat[0])
            self._output_names = ["predictions" if self.activation is None else "probabilities"]
        else:
            self._output_names = tensor_names.of_outputs(answers)
        return {n: outputs.writable(n, t) for n, t in zip(self._output_names, flat, strict=True)}


def _structure(model: keras.Model) -> Any:
    if isinstance(model, keras.Sequential):
        return model.inputs[0]
    if hasattr(model, "inputs"):
        return model.input
    # A subclassed model knows no more than the shape that it was first called with.
    config = model.get_build_config() or {}
    if "input_shape" not in config:
        raise ValueError(
            "`model` must have one input, or a list or dict of them, of known shape; the "
            f"subclassed model `{model.name}` recorded none. {_HINT}"
        )
    return keras.tree.map_shape_structure(
        lambda shape: keras.KerasTensor(shape, model.variable_dtype), config["input_shape"]
    )


def _said(error: Exception) -> str:
    """Returns TensorFlow's words without its lists of source lines and of nodes, and colours."""
    lines = _COLOUR.sub("", str(getattr(error, "message", error))).splitlines()
    noise = ("Graph execution error", "Detected at node", "  File ", "\t [[")
    return "\n".join(line for line in lines if line.strip() and not line.startswith(noise))
