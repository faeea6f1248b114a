"""Engine for a `tf.data.Dataset`: a TensorFlow graph that reads it."""

from typing import Any

import tensorflow as tf

from kerasnn import _checks
from kerasnn._core.model import State
from kerasnn._core.process.strategy import scope_of
from kerasnn.training.loop.epoch_loop import CompiledEngine, Progress
from kerasnn.training.loop.job import Job
from kerasnn.training.loop.nan_guard import not_finite
from kerasnn.training.programs.pacing import pacer_for
from kerasnn.training.programs.program_cache import ProgramKey, identities, training_programs
from kerasnn.training.programs.replicas.stream_check import StreamCheck
from kerasnn.training.programs.stream_program import StreamCall, StreamProgram
from kerasnn.training.programs.train_step import Logs, build


class StreamEngine(CompiledEngine):
    """Runs epochs over the batches of a dataset, inside one TensorFlow graph.

    If an epoch ends with NaN or infinity, or the dataset fails, the model has the weights from
    before that epoch again.

    Each of several workers reads all batches, and trains on its rows of each. They compare digests
    of what they have read after each run of steps.
    """

    name = "graph"

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._model, self._dataset, self._limit = job.model, job.x, job.steps_per_epoch
        self._endless: Any = None
        # Batches read in this epoch; in an endless dataset, since the start.
        self._read = 0
        self._program: StreamProgram
        self._pacer = pacer_for(job.model)
        self._stream_check = StreamCheck(job.model, "x")

    def prepare(self) -> None:
        """Traces the program, and opens a dataset without an end."""
        cardinality = int(self._dataset.cardinality())
        self.steps = self._limit or (cardinality if cardinality > 0 else None)
        self._endless = iter(self._dataset) if self._limit else None
        self.refresh()

    def refresh(self) -> None:
        """Makes the program anew if something has changed that was traced into it."""
        spec = str(self._dataset.element_spec)
        key = ProgramKey("stream", spec, callbacks=identities(self._job.traced_callbacks))
        with scope_of(self._model):
            self._program = training_programs(self._model).get(self._model, key, self._trace)

    def run_epoch(self, epoch: int, progress: Progress) -> Logs:
        """Runs one epoch; raises at a batch whose values cannot be right."""
        if self._endless is None:
            self._read = 0
        iterator = iter(self._dataset) if self._endless is None else self._endless
        done, logs, before = 0, {}, State(self._model)
        while self._limit is None or done < self._limit:
            wanted = self._pacer.steps()
            wanted = wanted if self._limit is None else min(wanted, self._limit - done)
            self._pacer.start()
            try:
                call = self._program(iterator, wanted, fresh=done == 0)
            except tf.errors.OpError:
                before.restore()
                raise
            self._pacer.stop(call.steps)
            self._read += call.steps
            if call.steps:
                done, logs = done + call.steps, call.logs
            self._check(call, epoch, before)
            if call.steps:
                progress(done, logs)
            if call.steps < wanted:
                break
        if done == 0:
            raise _checks.InvalidArgument(
                "x", "hold at least one batch", self._dataset, got="an empty tf.data.Dataset"
            )
        return logs

    def _check(self, call: StreamCall, epoch: int, before: State) -> None:
        """Raises if batches, weights or the loss cannot be right."""
        try:
            self._stream_check(call.digest, call.wrong)
        except _checks.InvalidArgument:
            before.restore()
            raise
        if not call.finite.all():
            before.restore()
            pairs = zip(self._program.guarded_names, call.finite, strict=True)
            raise not_finite(self._model, epoch, [name for name, ok in pairs if not ok])
        if call.wrong is not None:
            self._job.check(call.wrong, self._read)
            raise RuntimeError("The rules of the program and of the arrays differ.")

    def _trace(self) -> StreamProgram:
        spec: tf.TypeSpec = self._dataset.element_spec
        build(self._model, spec)
        return StreamProgram(self._model, spec, self._job.traced_callbacks)
