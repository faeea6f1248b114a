"""Loss and metrics on data."""

import time
from typing import Any

import keras
import tensorflow as tf

from kerasnn import _checks
from kerasnn.training import rows
from kerasnn.training.epochs import CALL_SECONDS, Logs, steps_for
from kerasnn.training.generators import read_once
from kerasnn.training.graph_program import GraphProgram
from kerasnn.training.job import check_model
from kerasnn.training.programs import programs_of
from kerasnn.training.steps import Steps, as_number, as_python, build
from kerasnn.training.stream_shapes import check_stream_end, check_stream_shapes
from kerasnn.training.stream_values import BatchCheck
from kerasnn.training.tensors import as_tensors, hide_none


@_checks.known_arguments
def evaluate(
    model: keras.Model,
    x: Any = None,
    y: Any = None,
    batch_size: int | None = None,
    verbose: Any = "auto",
    sample_weight: Any = None,
    steps: int | None = None,
    callbacks: Any = None,
    return_dict: bool = False,
) -> Any:
    """Returns loss and metrics of a compiled Keras model; the arguments are Keras's.

    Raises:
        ValueError: If data or an argument cannot be right; of a stream, at the batch in question.
        TypeError: If an argument is unknown.
    """
    check_model(model)
    if batch_size is not None:
        _checks.whole_number("batch_size", batch_size)
    if steps is not None:
        _checks.whole_number("steps", steps)
    for name, data in (("x", x), ("y", y), ("sample_weight", sample_weight)):
        _checks.refuse_masked(name, data)
    if rows.is_stream(x):
        check_stream_end("x", x, "steps", steps, "an evaluation")
        check_stream_shapes(model, x, ("x", "y"))
        check = BatchCheck(model, ("x", "y", "sample_weight"))
        with read_once(check, x, steps) as stream:
            found = keras.Model.evaluate(
                model,
                stream,
                y,
                batch_size=batch_size,
                verbose=verbose,
                sample_weight=sample_weight,
                steps=steps,
                callbacks=callbacks,
                return_dict=return_dict,
            )
        return _as_numbers(found)
    irregular = rows.is_irregular(x)
    if irregular:
        x, y, sample_weight = rows.read_irregular(model, x, y, sample_weight)
        data = rows.Rows(x, y, sample_weight, 0, {})
    else:
        data = rows.read(model, x, y, sample_weight)
    rows.require_targets(model, "y", y)
    if irregular or callbacks or model.run_eagerly:
        found = keras.Model.evaluate(
            model,
            data.x,
            data.y,
            batch_size=batch_size,
            verbose=verbose,
            sample_weight=data.sample_weight,
            steps=steps,
            callbacks=callbacks,
            return_dict=return_dict,
        )
        return _as_numbers(found)
    evaluation = Evaluation(
        model,
        keras.utils.pack_x_y_sample_weight(data.x, data.y, data.sample_weight),
        rows=data.count,
        batch_size=batch_size,
        steps=steps,
    )
    logs = evaluation.run(
        keras.callbacks.CallbackList(
            add_progbar=verbose != 0,
            verbose=verbose,
            epochs=1,
            steps=evaluation.steps,
            model=model,
        )
    )
    if return_dict:
        return logs
    return _in_keras_order(model, logs)


def _as_numbers(found: Any) -> Any:
    """Returns what Keras's `evaluate` gives, each value of one entry as a number."""
    if isinstance(found, dict):
        return as_python(found)
    return [as_number(value) for value in found] if isinstance(found, list) else found


def _in_keras_order(model: Any, logs: Logs) -> Any:
    """Returns a number, or the list of numbers that Keras's `evaluate` returns."""
    names = []
    for metric in model.metrics:
        # The metrics of `compile` come as one, which holds them.
        names += [held.name for held in getattr(metric, "metrics", [metric])]
    values = [logs[name] for name in names if name in logs]
    values += [logs[name] for name in sorted(logs) if name not in names]
    return values[0] if len(values) == 1 else values


class Evaluation:
    """Evaluates a model on rows in memory, as often as asked.

    Args:
        model: A compiled Keras model.
        data: Structure of arrays with one row an example.
        rows: Number of rows.
        batch_size: Rows to a step. By default, as in Keras, all rows shared among `steps`, or 32.
        steps: Steps to stop after; all rows by default.
    """

    def __init__(
        self, model: Any, data: Any, *, rows: int, batch_size: int | None, steps: int | None
    ) -> None:
        self._model = model
        self._batch_size = batch_size or (-(-rows // steps) if steps else 32)
        self.steps = min(-(-rows // self._batch_size), steps or rows)
        self._pace: float | None = None
        self._data = as_tensors(hide_none(data))

    def run(self, callbacks: keras.callbacks.CallbackList) -> Logs:
        """Returns loss and metrics by name; moves the progress bar."""
        self._model.stop_evaluating = False
        callbacks.on_test_begin()
        spec = tf.nest.map_structure(
            lambda t: tf.TensorSpec((None, *t.shape[1:]), t.dtype), self._data
        )
        program = programs_of(self._model).get(
            self._model, ("evaluate", str(spec)), lambda: self._make(spec)
        )
        done, logs = 0, {}
        while done < self.steps and not self._model.stop_evaluating:
            stop = min(self.steps, done + steps_for(CALL_SECONDS, self._pace))
            began = time.perf_counter()
            plan = tf.constant([done, stop, self._batch_size, int(done == 0)], tf.int32)
            logs = {name: value.numpy() for name, value in program.run(self._data, plan).items()}
            self._pace = (time.perf_counter() - began) / (stop - done)
            done = stop
            callbacks.on_test_batch_end(done - 1, logs)
        logs = as_python(logs)
        callbacks.on_test_end(logs)
        return logs

    def _make(self, spec: Any) -> "EvaluateProgram":
        first = tf.nest.map_structure(lambda t: t[: self._batch_size], self._data)
        build(self._model, spec, "test_step")
        return EvaluateProgram(self._model, spec, first)


class EvaluateProgram:
    """Runs `model.test_step` on batch after batch inside one TensorFlow graph.

    Args:
        model: A compiled Keras model whose variables exist.
        spec: Structure of `tf.TensorSpec` for the data.
        first: Some rows of it.
    """

    def __init__(self, model: Any, spec: Any, first: Any) -> None:
        self._steps = Steps(model, spec, "test_step")
        self.run = GraphProgram(
            model,
            self._evaluate,
            [spec, tf.TensorSpec((4,), tf.int32)],
            (first, tf.zeros((4,), tf.int32)),
        )

    def _evaluate(self, data: Any, plan: tf.Tensor) -> Logs:
        start, stop, size, fresh = tf.unstack(plan)
        self._steps.reset_metrics_if(fresh > 0)

        def step(i: Any, _: Any) -> Any:
            batch = tf.nest.map_structure(lambda t: t[i * size : (i + 1) * size], data)
            return i + 1, self._steps.step(batch)

        _, carried = tf.while_loop(lambda i, _: i < stop, step, [start, self._steps.first_logs])
        return self._steps.logs(carried)
