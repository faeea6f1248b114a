"""Evaluation on a `tf.data.Dataset` that a distribution strategy divides, by a compiled program."""

from typing import Any

import keras
import tensorflow as tf

from kerasnn import _checks
from kerasnn._core.process.strategy import scope_of
from kerasnn.training.inputs.stream_values import BatchCheck
from kerasnn.training.programs.pacing import pacer_for
from kerasnn.training.programs.program_cache import ProgramKey, training_programs
from kerasnn.training.programs.replicas.stream_check import StreamCheck
from kerasnn.training.programs.stream_program import StreamProgram
from kerasnn.training.programs.train_step import Logs, as_python, build


class StreamEvaluation:
    """Evaluates a model on a dataset, any number of times, each time from its start.

    Args:
        model: A compiled Keras model, made in the scope of a strategy.
        dataset: Its batches.
        check: The check of each batch.
        name: Name of the argument that gives the dataset, for errors.
        steps: Steps to stop after; all batches by default.
        allow_nan: Whether inputs may be NaN.
    """

    def __init__(
        self,
        model: Any,
        dataset: tf.data.Dataset,
        check: BatchCheck,
        *,
        name: str,
        steps: int | None = None,
        allow_nan: bool = False,
    ) -> None:
        self._model, self._dataset, self._check = model, dataset, check
        self._name, self._limit, self._allow_nan = name, steps, allow_nan
        self._pacer, self._stream_check = pacer_for(model), StreamCheck(model, name)
        cardinality = int(dataset.cardinality())
        self.steps = steps or (cardinality if cardinality > 0 else None)

    def run(self, callbacks: keras.callbacks.CallbackList) -> Logs:
        """Returns loss and metrics by name; moves the progress bar.

        Raises:
            InvalidArgument: At a batch whose values cannot be right, or that cannot be divided.
        """
        self._model.stop_evaluating = False
        callbacks.on_test_begin()
        key = ProgramKey(f"evaluate a stream {self._allow_nan}", str(self._dataset.element_spec))
        with scope_of(self._model):
            program: StreamProgram = training_programs(self._model).get(
                self._model, key, self._make
            )
        iterator, done, logs = iter(self._dataset), 0, {}
        while (self._limit is None or done < self._limit) and not self._model.stop_evaluating:
            wanted = self._pacer.steps()
            wanted = wanted if self._limit is None else min(wanted, self._limit - done)
            self._pacer.start()
            call = program(iterator, wanted, fresh=done == 0)
            self._pacer.stop(call.steps)
            self._stream_check(call.digest, call.wrong)
            done += call.steps
            if call.wrong is not None:
                self._check(call.wrong, done)
                raise RuntimeError("The rules of the program and of the arrays differ.")
            if call.steps:
                logs = call.logs
                callbacks.on_test_batch_end(done - 1, logs)
            if call.steps < wanted:
                break
        if done == 0:
            raise _checks.InvalidArgument(
                self._name, "hold at least one batch", self._dataset, got="an empty tf.data.Dataset"
            )
        logs = as_python(logs)
        callbacks.on_test_end(logs)
        return logs

    def _make(self) -> StreamProgram:
        spec: Any = self._dataset.element_spec
        build(self._model, spec, "test_step")
        return StreamProgram(self._model, spec, method="test_step", allow_nan=self._allow_nan)
