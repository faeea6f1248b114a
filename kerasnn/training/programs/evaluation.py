"""Evaluation on rows in memory by a compiled program."""

from typing import Any

import keras
import tensorflow as tf

from kerasnn._core.process.strategy import scope_of
from kerasnn.training.inputs.tensors import as_tensors, hide_none
from kerasnn.training.programs.graph_program import GraphProgram
from kerasnn.training.programs.pacing import pacer_for
from kerasnn.training.programs.program_cache import ProgramKey, training_programs
from kerasnn.training.programs.train_step import Logs, TracedStep, as_python, build


class Evaluation:
    """Evaluates a model on rows in memory, any number of times.

    Args:
        model: A compiled Keras model.
        data: Structure of arrays with one row an example.
        rows: Number of rows.
        batch_size: Batch size. By default, as in Keras, all rows divided by `steps`, or 32.
        steps: Steps to stop after; all rows by default.
    """

    def __init__(
        self, model: Any, data: Any, *, rows: int, batch_size: int | None, steps: int | None
    ) -> None:
        self._model = model
        self._batch_size = batch_size or (-(-rows // steps) if steps else 32)
        self.steps = min(-(-rows // self._batch_size), steps or rows)
        self._pacer = pacer_for(model)
        self._data = as_tensors(hide_none(data))

    def run(self, callbacks: keras.callbacks.CallbackList) -> Logs:
        """Returns loss and metrics by name; moves the progress bar."""
        self._model.stop_evaluating = False
        callbacks.on_test_begin()
        spec = tf.nest.map_structure(
            lambda t: tf.TensorSpec((None, *t.shape[1:]), t.dtype), self._data
        )
        with scope_of(self._model):
            program: EvaluateProgram = training_programs(self._model).get(
                self._model, ProgramKey("evaluate", str(spec)), lambda: self._make(spec)
            )
        done, logs = 0, {}
        while done < self.steps and not self._model.stop_evaluating:
            stop = min(self.steps, done + self._pacer.steps())
            self._pacer.start()
            plan = tf.constant([done, stop, self._batch_size, int(done == 0)], tf.int32)
            logs = {name: value.numpy() for name, value in program.run(self._data, plan).items()}
            self._pacer.stop(stop - done)
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
        self._steps = TracedStep(model, spec, "test_step")
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
