"""What is served of a model: its inference, as one traced function with named tensors."""

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from kerasnn.serving import labels as classes
from kerasnn.serving import names, portable

_CURE = (
    "Make its inputs known: export `keras.Model(inputs, model(inputs))`, where each of `inputs` "
    "is a `keras.Input` with a name, a shape and a dtype."
)


@dataclasses.dataclass(frozen=True)
class Program:
    """The inference of one model.

    Attributes:
        structure: The model's inputs: a `keras.KerasTensor`, or lists and dicts of them.
        inputs: Input name -> `tf.TensorSpec`, in the order of the flattened `structure`.
        function: The traced function, from a dict of inputs to a dict of outputs.
        module: Holds the variables and tables that `function` reads, each once, and no others.
    """

    structure: Any
    inputs: dict[str, tf.TensorSpec]
    function: Any
    module: tf.Module


def trace(model: keras.Model, labels: list[str] | None) -> Program:
    """Traces the inference of `model`, and refuses what a server could not run.

    Raises:
        ValueError: If the model's inputs are not known, if it keeps state between calls or
            calls Python, or if `labels` do not fit its output.
    """
    parts = tf.train.TrackableView(model).descendants()
    for part in parts:
        if isinstance(part, keras.Layer) and getattr(part, "stateful", False):
            raise ValueError(
                "`model` must not keep state between calls, or one client's request would change "
                f"another's answer; the layer `{part.name}` is stateful. Build it with "
                "stateful=False and copy the weights: `new.set_weights(model.get_weights())`."
            )
    structure = _structure(model)
    tensors = keras.tree.flatten(structure)
    inputs = {
        name: tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype, name)
        for name, tensor in zip(names.of_inputs(structure), tensors, strict=True)
    }

    def serve(received: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        # A server does not compare a request with the signature's shapes; the graph does.
        shaped = [tf.ensure_shape(received[name], spec.shape) for name, spec in inputs.items()]
        outputs = answer(model, structure, shaped)
        return outputs if labels is None else _with_labels(outputs, labels)

    traced = tf.function(serve, input_signature=[inputs], autograph=False)
    function = traced.get_concrete_function()
    portable.check(function.graph.as_graph_def())
    module = tf.Module()
    module.weights = sorted(function.variables, key=lambda variable: variable.name)
    module.tables = [
        part
        for part in parts
        if isinstance(part, tf.saved_model.experimental.TrackableResource)
        and any(part.resource_handle is captured for captured in function.captured_inputs)
    ]
    return Program(structure, inputs, function, module)


def answer(model: keras.Model, structure: Any, tensors: list[tf.Tensor]) -> dict[str, tf.Tensor]:
    """Returns the outputs of `model` by the names they are served under; runs in a graph.

    Args:
        model: What is asked.
        structure: Structure of its inputs.
        tensors: The inputs, flattened.
    """
    try:
        answers = model(keras.tree.pack_sequence_as(structure, tensors), training=False)
    except (TypeError, ValueError) as error:
        shapes = ", ".join(str(tensor.shape) for tensor in tensors)
        raise ValueError(
            f"`model` must answer `model(x, training=False)` for x of shape {shapes}; "
            f"got {type(error).__name__}: {error}\n{_CURE}"
        ) from error
    flat = keras.tree.flatten(answers)
    if len(flat) > 1:
        keys = names.of_outputs(answers)
    else:
        keys = ["predictions" if classes.activation(flat[0]) is None else "probabilities"]
    return {key: _writable(tensor) for key, tensor in zip(keys, flat, strict=True)}


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
            f"subclassed model `{model.name}` recorded none. {_CURE}"
        )
    return keras.tree.map_shape_structure(
        lambda shape: keras.KerasTensor(shape, model.variable_dtype), config["input_shape"]
    )


def _writable(tensor: tf.Tensor) -> tf.Tensor:
    # TensorFlow Serving cannot write 16-bit floats as JSON.
    return tf.cast(tensor, tf.float32) if tensor.dtype in (tf.float16, tf.bfloat16) else tensor


def _with_labels(outputs: dict[str, tf.Tensor], labels: list[str]) -> dict[str, tf.Tensor]:
    if len(outputs) > 1:
        raise ValueError(
            f"`labels` must name the units of one output; `model` has {len(outputs)}: "
            f"{', '.join(outputs)}. Export a model of one of them, or leave `labels` out."
        )
    if "probabilities" not in outputs:
        raise ValueError(
            "`labels` must name the classes of a classifier; `model` ends in neither softmax nor "
            "sigmoid. For regression leave `labels` out."
        )
    number = classes.indices(outputs["probabilities"], labels)
    return outputs if number is None else outputs | {"labels": tf.gather(labels, number)}
