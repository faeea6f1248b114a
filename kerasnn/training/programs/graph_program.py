"""Traced TensorFlow graphs, run on one thread for small models."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from kerasnn._core.model import all_layers
from kerasnn._core.process.strategy import strategy_of

_CONVOLUTIONS = (
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
    keras.layers.Conv3DTranspose,
    keras.layers.DepthwiseConv1D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv1D,
    keras.layers.SeparableConv2D,
    keras.layers.ConvLSTM1D,
    keras.layers.ConvLSTM2D,
    keras.layers.ConvLSTM3D,
)


def has_convolutions(model: keras.Model) -> bool:
    """Whether a layer of a model, or of a model inside it, is a convolution."""
    return any(isinstance(layer, _CONVOLUTIONS) for layer in all_layers(model))


# With about as many weights the arithmetic of a step takes as long as handing its operations to
# threads; measured by tests/benchmarks/training.py.
_SMALL_WEIGHTS = 1 << 15
_HALF = ("float16", "bfloat16")
_ONE_THREAD = "SINGLE_THREADED_EXECUTOR"


class GraphProgram:
    """Traces a function of a model once and runs it.

    For a small model in single precision and without convolutions, on one CPU, it leaves out two
    things that cost more than they gain there:

    - TensorFlow's executor gives every operation to a pool of threads. The operations of a small
      training step wait for one another, and most of the time goes into scheduling. The
      single-threaded executor runs them one after the other.
    - The graph optimiser takes about as long as the tracing.

    Other models need both: TensorFlow uses oneDNN's kernels in optimised graphs. A graph that the
    single-threaded executor cannot run, such as one with loops of TensorFlow 1, runs as any other
    TensorFlow function.

    Args:
        model: The model in the function.
        function: The function to trace; takes and returns structures of tensors.
        signature: Structure of `tf.TensorSpec` for each argument.
        example: Arguments with which a call changes nothing; an error in running comes here.
    """

    def __init__(
        self,
        model: keras.Model,
        function: Callable[..., Any],
        signature: Sequence[Any],
        example: Sequence[Any],
    ) -> None:
        if is_small(model):
            try:
                self._program = light_function(function, signature)
                self._call = self._light_call
                self(*example)
                return
            except tf.errors.OpError:
                pass
        self._program = self._call = traced(function, signature)
        self(*example)

    def __call__(self, *args: Any) -> Any:
        """Runs the graph."""
        return self._call(*args)

    def _light_call(self, *args: Any) -> Any:
        return light_call(self._program, args, self._program.captured_inputs)


def light_call(function: Any, args: Sequence[Any], captured: Sequence[Any]) -> Any:
    """Runs a function that `light_function` has traced.

    Args:
        function: The function.
        args: Its arguments.
        captured: `function.captured_inputs`, or what takes their place.
    """
    # The operation behind every call of a function. Asked for by name it takes settings that
    # otherwise hold for the whole process.
    outputs = tf.raw_ops.StatefulPartitionedCall(
        args=[*tf.nest.flatten(args), *captured],
        Tout=[output.dtype for output in function.outputs],
        f=function,
        config_proto=_CONFIG,
        executor_type=_ONE_THREAD,
    )
    return tf.nest.pack_sequence_as(function.structured_outputs, outputs)


def light_function(function: Callable[..., Any], signature: Sequence[Any]) -> Any:
    """Traces a function for one thread."""
    with tf.experimental.function_executor_type(_ONE_THREAD):
        return traced(function, signature)


def is_small(model: keras.Model) -> bool:
    """Whether the graphs of a model run on one thread and without TensorFlow's optimiser."""
    on_gpu = bool(tf.config.list_physical_devices("GPU"))
    halves = any(layer.compute_dtype in _HALF for layer in (model, *all_layers(model)))
    weights = sum(math.prod(weight.shape) for weight in model.weights)
    divided = strategy_of(model) is not None
    return (
        not (on_gpu or halves or divided or has_convolutions(model))
        and 0 < weights <= _SMALL_WEIGHTS
    )


def traced(function: Callable[..., Any], signature: Sequence[Any]) -> Any:
    """Traces a function as it is."""
    return tf.function(function, input_signature=signature, autograph=False).get_concrete_function()


def _config() -> bytes:
    config = tf.compat.v1.ConfigProto(allow_soft_placement=True)
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    return config.SerializeToString()


_CONFIG = _config()
