"""Engines for arrays: XLA, and a TensorFlow graph."""

import abc
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn._checks import first_line
from kerasnn._core.model import State
from kerasnn._core.process.strategy import scope_of, uses_strategy
from kerasnn.training.engine_cost import xla_choice
from kerasnn.training.loop.engine import CANNOT_COMPILE
from kerasnn.training.loop.epoch_loop import CompiledEngine, Progress
from kerasnn.training.loop.job import Job
from kerasnn.training.loop.nan_guard import not_finite
from kerasnn.training.loop.row_blocks import RowBlocks
from kerasnn.training.programs.array_program import ArrayProgram, GraphArrayProgram, XlaArrayProgram
from kerasnn.training.programs.pacing import pacer_for
from kerasnn.training.programs.program_cache import ProgramKey, identities, training_programs
from kerasnn.training.programs.train_step import Logs, build


def blocks_of(job: Job) -> RowBlocks:
    """Returns the training rows of a job, as the engines for arrays read them."""
    if job.train is None:
        raise RuntimeError("A stream has no rows in memory.")
    return RowBlocks(
        job.packed,
        rows=job.row_count,
        batch_size=job.step_rows,
        shuffle=bool(job.shuffle),
        seed=job.seed,
        share=job.share,
    )


class ArrayEngine(CompiledEngine):
    """An engine that runs epochs over rows in memory.

    If an epoch ends with NaN or infinity, the model has the weights from before that epoch again,
    however many calls the epoch was run in: the result does not depend on the machine's speed.

    Args:
        job: The job to run.
        blocks: Its training rows.
    """

    def __init__(self, job: Job, blocks: RowBlocks) -> None:
        super().__init__(job)
        self._model, self._blocks = job.model, blocks
        self._traced = job.traced_callbacks
        self._cache = training_programs(job.model)
        self._program: ArrayProgram
        self._pacer = pacer_for(job.model, job.call_seconds)
        self._block: Any = None
        self._block_epochs = range(0)
        self.steps = blocks.steps
        self._data_key = (*blocks.key, *identities(self._traced))

    @property
    def steps_run(self) -> int:
        """Number of steps that the model was trained for on data of this shape."""
        return self._cache.record.steps_run[self._data_key]

    @abc.abstractmethod
    def _block_of_epochs(self, first: int, count: int) -> Any:
        """Returns the rows of several epochs, in the layout of the program."""

    @abc.abstractmethod
    def _block_of_slice(self, epoch: int, start: int) -> Any:
        """Returns the rows of a part of one epoch, in the layout of the program."""

    def prepare(self) -> None:
        """Loads the first rows and compiles the program."""
        self._find_block(self._job.initial_epoch, 0)
        self.refresh()

    def run_epoch(self, epoch: int, progress: Progress) -> Logs:
        """Runs one epoch."""
        done, logs, before = 0, {}, State(self._model)
        while done < self._blocks.steps:
            at, base, stop = self._find_block(epoch, done)
            stop = min(stop, done + self._pacer.steps())
            history = self._call(
                epoch, (at, at + 1), (done, stop), before, base=base, fresh=done == 0
            )
            logs = {name: values[at] for name, values in history.items()}
            done = stop
            progress(done, logs)
        return logs

    def run_epochs(self, first: int) -> Iterator[Logs]:
        """Runs as many epochs as one call of the program may take."""
        steps = self._blocks.steps
        at, base, stop = self._find_block(first, 0)
        count = min(self._pacer.steps() // steps, len(self._block_epochs) - at)
        if stop < steps or count <= 1:
            yield from super().run_epochs(first)
            return
        before = State(self._model)
        history = self._call(first, (at, at + count), (0, steps), before, base=base, fresh=True)
        for i in range(at, at + count):
            yield {name: values[i] for name, values in history.items()}

    def _find_block(self, epoch: int, step: int) -> tuple[int, int, int]:
        """Loads the block that holds a step.

        Returns:
            The index of the epoch in the block, the step that the block starts with, and the one
            that it stops before.
        """
        blocks = self._blocks
        slice_steps = blocks.steps_per_slice
        if slice_steps < blocks.steps:
            base = step - step % slice_steps
            if step == base or self._block is None:
                self._block = None
                self._block = self._block_of_slice(epoch, base)
            return 0, base, min(base + slice_steps, blocks.steps)
        if epoch not in self._block_epochs:
            # Where no epoch is left, the program is made for the shapes of one.
            count = max(1, min(blocks.epochs, self._job.epochs - epoch))
            self._block = None
            self._block = self._block_of_epochs(epoch, count)
            self._block_epochs = range(epoch, epoch + count)
        return epoch - self._block_epochs.start, 0, blocks.steps

    def _call(
        self,
        epoch: int,
        epochs: tuple[int, int],
        steps: tuple[int, int],
        before: State,
        **where: Any,
    ) -> dict[str, np.ndarray]:
        program, sizes = self._program, (self._blocks.rows, self._blocks.batch_size)
        self._pacer.start()
        last, history, finite = program(self._block, sizes, epochs, steps, **where)
        count = (epochs[1] - epochs[0]) * (steps[1] - steps[0])
        self._pacer.stop(count)
        self._cache.record.steps_run[self._data_key] += count
        if not finite.all():
            names = [n for n, ok in zip(program.guarded_names, finite, strict=True) if not ok]
            before.restore()
            if last > epochs[0]:
                # The epochs before the one that failed are repeated, to the same weights.
                program(self._block, sizes, (epochs[0], last), steps, **where)
            raise not_finite(self._model, epoch + last - epochs[0], names)
        return history


class GraphEngine(ArrayEngine):
    """Runs epochs over rows in memory as one TensorFlow graph."""

    name = "graph"

    def __init__(self, job: Job, blocks: RowBlocks) -> None:
        super().__init__(job, blocks)
        self._key = ProgramKey("graph", blocks.spec_text, callbacks=identities(self._traced))

    def refresh(self) -> None:
        """Makes the program anew if something has changed that was traced into it."""
        with scope_of(self._model):
            self._program = self._cache.get(self._model, self._key, self._trace)

    def _trace(self) -> ArrayProgram:
        build(self._model, self._blocks.batch_spec)
        return GraphArrayProgram(self._model, self._blocks.batch_spec, self._block, self._traced)

    def _block_of_epochs(self, first: int, count: int) -> Any:
        return self._blocks.for_graph(first, count)

    def _block_of_slice(self, epoch: int, start: int) -> Any:
        return self._blocks.slice_for_graph(epoch, start)


class XlaEngine(ArrayEngine):
    """Runs epochs over rows in memory as one program that XLA has compiled."""

    name = "xla"

    def __init__(self, job: Job, blocks: RowBlocks) -> None:
        super().__init__(job, blocks)
        # Rows that differ in their number alone share a trace, which XLA compiles for each.
        self._key = ProgramKey("xla", blocks.spec_text, blocks.xla_layout, identities(self._traced))
        self._layout = (*blocks.key, *(type(c).__name__ for c in self._traced))

    @classmethod
    def cannot_run(cls, job: Job) -> str | None:
        """Returns the reason why XLA cannot run a job."""
        why = super().cannot_run(job)
        if why is None and uses_strategy(job.model):
            return "XLA does not compile a step that is divided between replicas"
        if why is None and job.train is None:
            return "a tf.data.Dataset is read inside a TensorFlow graph"
        leaves = () if why or job.train is None else keras.tree.flatten(job.packed)
        if any(leaf is not None and leaf.dtype == tf.string for leaf in leaves):
            # TensorFlow refuses the first such program of a process, and ends the process at the
            # next.
            return "XLA cannot read text"
        return why

    def drop_stale(self) -> None:
        """Drops the programs and the record of the model if it has changed since."""
        self._cache.drop_stale(self._model)

    @property
    def is_compiled(self) -> bool:
        """Whether the program has been compiled for this job's sizes."""
        program = self._cache.find(self._key)
        return program is not None and self._blocks.key in program.compiled

    @property
    def failure(self) -> str:
        """The error of an earlier attempt to compile this model for these sizes; else empty."""
        return self._cache.record.failures.get(self._data_key, "")

    def pays(self, steps: int) -> bool:
        """Whether so many steps make up for the compilation."""
        blocks = self._blocks
        has_rest = bool(blocks.rows % blocks.batch_size)
        return xla_choice.chooses_xla(
            self._model, steps, blocks.batch_size, has_rest=has_rest, layout=self._layout
        )

    def prepare(self) -> None:
        """Loads the first rows and compiles the program; records it, or its failure."""
        was_compiled = self.is_compiled
        try:
            super().prepare()
        except CANNOT_COMPILE as error:
            self._cache.record.failures[self._data_key] = first_line(error)
            raise
        if not was_compiled:
            xla_choice.record_compiled(self._model, self._layout)

    def refresh(self) -> None:
        """Makes the program anew if something has changed that was traced into it."""
        program: XlaArrayProgram = self._cache.get(self._model, self._key, self._trace)
        program.compile_for(self._blocks.key, self._block)
        self._program = program

    def _trace(self) -> ArrayProgram:
        build(self._model, self._blocks.batch_spec)
        return XlaArrayProgram(self._model, self._blocks.batch_spec, self._block, self._traced)

    def _block_of_epochs(self, first: int, count: int) -> Any:
        return self._blocks.for_xla(first, count)

    def _block_of_slice(self, epoch: int, start: int) -> Any:
        return self._blocks.slice_for_xla(epoch, start)
