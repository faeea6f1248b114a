"""`kerasnn.training.predict`: outputs for data."""

import functools
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn._core.display.cell import CellBar, cell_output
from kerasnn._core.display.cell_epochs import with_cell_batches
from kerasnn._core.display.progress import verbosity
from kerasnn._core.process.forked import check_not_forked
from kerasnn.training.inputs import arrays
from kerasnn.training.inputs.generators import read_once
from kerasnn.training.inputs.stream_shapes import check_stream_end, check_stream_shapes
from kerasnn.training.inputs.stream_values import BatchCheck
from kerasnn.training.inputs.tensors import as_tensors, hide_none, show_none
from kerasnn.training.programs.pacing import Pacer
from kerasnn.training.programs.program_cache import ProgramKey, inference_programs


@_checks.known_arguments
def predict(
    model: keras.Model,
    x: Any,
    batch_size: int | None = None,
    verbose: Any = "auto",
    steps: int | None = None,
    callbacks: Any = None,
    *,
    allow_nan: bool = False,
) -> Any:
    """Returns the outputs of a Keras model.

    The arguments are Keras's, but for `allow_nan`: whether inputs in memory may be NaN, for a model
    whose own layer fills them in (those of Keras and of this package do not); and `verbose="auto"`
    shows a line, and no bar, where nobody watches. In a notebook the bar is one output, without the
    control characters of Keras's.

    Raises:
        InvalidArgument: If a row holds infinity, or NaN unless allowed, or data or an argument
            cannot be right.
        TypeError: If an argument is unknown.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
        >>> predict(model, [[0.0, 1.0]], verbose=0).shape
        (1, 3)
    """
    check_not_forked()
    verbose = verbosity(verbose)
    if batch_size is not None:
        _checks.integer("batch_size", batch_size)
    if steps is not None:
        _checks.integer("steps", steps)
    _checks.refuse_masked("x", x)
    shown, watching = with_cell_batches(verbose, callbacks)
    by_keras = functools.partial(
        keras.Model.predict,
        model,
        batch_size=batch_size,
        verbose=shown,
        steps=steps,
        callbacks=watching,
    )
    if arrays.is_stream(x):
        check_stream_end("x", x, "steps", steps, "a prediction")
        check_stream_shapes(model, x, ("x", "y"))
        check = BatchCheck(model, ("x", "y", "sample_weight"), targets=False, allow_nan=allow_nan)
        with read_once(check, x, steps) as stream:
            return by_keras(stream)
    data = arrays.read(model, x, allow_nan=allow_nan)
    if data.is_irregular or callbacks or steps is not None or model.run_eagerly:
        return by_keras(data.x)
    x = hide_none(keras.utils.pack_x_y_sample_weight(data.x))
    spec = _spec(model, data.x, x)
    program: PredictProgram = inference_programs(model).get(
        model, ProgramKey("predict", str(spec)), lambda: PredictProgram(model, spec)
    )
    if data.count <= (batch_size or 32) and verbose == 0:
        return tf.nest.map_structure(lambda t: t.numpy(), program.one(x))
    return _in_calls(program, x, data.count, batch_size or 32, verbose)


class PredictProgram:
    """Runs `model.predict_step` on one batch, or on batch after batch, inside one graph.

    The batch axis is free, so that no number of rows is traced anew.
    """

    def __init__(self, model: Any, spec: Any) -> None:
        step = tf.function(
            lambda x: model.predict_step(show_none(x)), input_signature=[spec], autograph=False
        )
        self.one = step.get_concrete_function()
        self._spec, self._outputs = spec, self.one.structured_outputs

    @functools.cached_property
    def many(self) -> Any:
        """The program for batch after batch, traced when there is more than one."""
        return tf.function(
            self._many, input_signature=[self._spec, tf.TensorSpec((3,), tf.int32)], autograph=False
        ).get_concrete_function()

    def _many(self, x: Any, plan: tf.Tensor) -> Any:
        start, stop, size = tf.unstack(plan)
        tensor_arrays = [
            tf.TensorArray(o.dtype, stop - start, infer_shape=False, element_shape=o.shape)
            for o in tf.nest.flatten(self._outputs)
        ]

        def step(i: Any, tensor_arrays: Any) -> Any:
            batch = tf.nest.map_structure(lambda t: t[i * size : (i + 1) * size], x)
            outputs = tf.nest.flatten(self.one(batch))
            pairs = zip(tensor_arrays, outputs, strict=True)
            return i + 1, [array.write(i - start, output) for array, output in pairs]

        _, tensor_arrays = tf.while_loop(lambda i, _: i < stop, step, [start, tensor_arrays])
        return tf.nest.pack_sequence_as(self._outputs, [array.concat() for array in tensor_arrays])


def _in_calls(program: PredictProgram, x: Any, count: int, size: int, verbose: Any) -> Any:
    """Predicts in calls that are short enough to show progress and be stopped."""
    steps = -(-count // size)
    bar = _bar(steps, verbose)
    x = as_tensors(x)
    done, parts, pacer = 0, [], Pacer()
    while done < steps:
        stop = min(steps, done + pacer.steps())
        pacer.start()
        part = program.many(x, tf.constant([done, stop, size], tf.int32))
        parts.append(tf.nest.map_structure(lambda t: t.numpy(), part))
        pacer.stop(stop - done)
        done = stop
        if bar is not None:
            bar.update(done, [], finalize=done == steps)
    return tf.nest.map_structure(lambda *p: p[0] if len(p) == 1 else np.concatenate(p), *parts)


def _bar(steps: int, verbose: Any) -> CellBar | keras.utils.Progbar | None:
    """Returns the bar that `verbose` asks for; in a notebook one that replaces itself."""
    if verbose == 0:
        return None
    show = cell_output("text/plain") if verbose == 1 else None
    if show is not None:
        return CellBar(show, "", steps, "step")
    return keras.utils.Progbar(steps, verbose=min(int(verbose), 2))


def _spec(model: Any, given: Any, x: Any) -> Any:
    """Returns the inputs' types, with every size free that the model leaves free.

    Args:
        model: The model.
        given: Inputs in the structure in which they were given.
        x: The same arrays in the structure that a program takes.
    """
    pairs = arrays.pair_inputs(model, "x", given) if arrays.is_symbolic(model) else []
    free = {id(array): tensor.shape for _, array, tensor in pairs}

    def spec(array: Any) -> tf.TensorSpec:
        wanted = free.get(id(array), ())
        if len(wanted) != array.ndim:
            return tf.TensorSpec((None, *array.shape[1:]), array.dtype)
        sizes = zip(wanted[1:], array.shape[1:], strict=True)
        return tf.TensorSpec((None, *(n and size for n, size in sizes)), array.dtype)

    return tf.nest.map_structure(spec, x)
