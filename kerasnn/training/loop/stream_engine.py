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
from kerasnn.training.programs.stream_program import StreamProgram
from kerasnn.training.programs.train_step import Logs, build


class StreamEngine(CompiledEngine):
    """Runs epochs over the batches of a dataset, inside one TensorFlow graph.

    If an epoch ends with NaN or infinity, the model has the weights from before that epoch again.
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
            count, part, finite, wrong = self._program(iterator, wanted, fresh=done == 0)
            self._pacer.stop(count)
            self._read += count
            if count:
                done, logs = done + count, part
            if not finite.all():
                before.restore()
                pairs = zip(self._program.guarded_names, finite, strict=True)
                raise not_finite(self._model, epoch, [name for name, ok in pairs if not ok])
            if wrong is not None:
                self._job.check(wrong, self._read)
                raise RuntimeError("The rules of the program and of the arrays differ.")
            if count:
                progress(done, logs)
            if count < wanted:
                break
        if done == 0:
            raise _checks.InvalidArgument(
                "x", "hold at least one batch", self._dataset, got="an empty tf.data.Dataset"
            )
        return logs

    def _trace(self) -> StreamProgram:
        spec: tf.TypeSpec = self._dataset.element_spec
        build(self._model, spec)
        return StreamProgram(self._model, spec, self._job.traced_callbacks)
