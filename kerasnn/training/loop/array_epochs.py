"""Epochs, run by a program in calls that are short enough to show progress and be stopped."""

import concurrent.futures
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from kerasnn._core.model import State
from kerasnn.training.loop.nan_guard import not_finite
from kerasnn.training.loop.row_blocks import Blocks
from kerasnn.training.programs.array_program import BlockProgram, layout
from kerasnn.training.programs.pacing import CALL_SECONDS, steps_for
from kerasnn.training.programs.program_cache import programs_of
from kerasnn.training.programs.train_step import build

Logs = dict[str, Any]
Progress = Callable[[int, Logs], None]


class Epochs:
    """Runs epochs over rows in memory.

    Where an epoch leaves the finite numbers, the model has again what it had before that epoch,
    however many calls the epoch was run in: what is left does not depend on the machine's speed.

    Args:
        model: The model that is trained.
        blocks: What it is trained on.
        first: Number of the first epoch.
        last: Number of the epoch to stop before.
        jit: Whether the program is compiled by XLA.
    """

    def __init__(self, model: Any, blocks: Blocks, first: int, last: int, *, jit: bool) -> None:
        self._model, self._blocks, self._last, self._jit = model, blocks, last, jit
        self._block: Any = None
        self._block_epochs = range(0)
        self._block_at(first, 0)
        self._pace: float | None = None
        self.steps: int | None = blocks.steps
        self.refresh()

    def refresh(self) -> None:
        """Makes the program, anew where what was traced into it has changed."""
        blocks = self._blocks
        key = program_key(blocks, jit=self._jit)
        self._program: BlockProgram = programs_of(self._model).get(self._model, key, self._make)

    def run(self, epoch: int, progress: Progress) -> Logs:
        """Runs one epoch and returns its logs; tells `progress` of every part of it."""
        done, logs, before = 0, {}, State(self._model)
        while done < self._blocks.steps:
            at, base, stop = self._block_at(epoch, done)
            stop = min(stop, done + steps_for(CALL_SECONDS, self._pace))
            history = self._call(
                epoch, (at, at + 1), (done, stop), before, base=base, fresh=done == 0
            )
            logs = {name: values[at] for name, values in history.items()}
            done = stop
            progress(done, logs)
        return logs

    def run_many(self, first: int) -> Iterator[Logs]:
        """Runs as many epochs from `first` on as one call may take; yields the logs of each."""
        steps = self._blocks.steps
        at, base, stop = self._block_at(first, 0)
        time_for = steps_for(CALL_SECONDS, self._pace) // steps
        count = min(time_for, len(self._block_epochs) - at)
        if stop < steps or count <= 1:
            yield self.run(first, lambda *_: None)
            return
        before = State(self._model)
        history = self._call(first, (at, at + count), (0, steps), before, base=base, fresh=True)
        for i in range(at, at + count):
            yield {name: values[i] for name, values in history.items()}

    def _make(self) -> BlockProgram:
        model, spec, jit = self._model, self._blocks.batch_spec, self._jit
        build(model, spec)
        # Sets of rows that differ in size alone share a trace.
        trace = ("trace", jit, str(spec), jit and layout(self._block))
        program = programs_of(model).get(
            model, trace, lambda: BlockProgram(model, spec, self._block, jit=jit)
        )
        others = programs_of(model).planned_rows - {self._blocks.rows} if jit else set()
        if not others:
            program.compile_for(self._block)
            return program
        examples = [self._blocks.example(rows) for rows in sorted(others)]
        alike = [block for block in examples if layout(block) == layout(self._block)]
        # XLA compiles on one core: what is to come takes no longer if it is compiled meanwhile.
        with concurrent.futures.ThreadPoolExecutor() as pool:
            list(pool.map(program.compile_for, [self._block, *alike]))
        return program

    def _block_at(self, epoch: int, step: int) -> tuple[int, int, int]:
        """Loads the block that holds a step.

        Returns:
            The epoch's place in the block, the step that the block starts with, and the one
            that it stops before.
        """
        blocks = self._blocks
        slice_steps = blocks.steps_to_a_slice
        if slice_steps < blocks.steps:
            base = step - step % slice_steps
            if step == base or self._block is None:
                self._block = None
                self._block = blocks.of_slice(epoch, base, jit=self._jit)
            return 0, base, min(base + slice_steps, blocks.steps)
        if epoch not in self._block_epochs:
            # Where no epoch is left, the program is made for the shapes of one.
            count = max(1, min(blocks.epochs, self._last - epoch))
            self._block = None
            self._block = blocks.of_epochs(epoch, count, jit=self._jit)
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
        program, blocks = self._program, self._blocks
        sizes = blocks.rows, blocks.batch_size
        began = time.perf_counter()
        last, history, finite = program(self._block, sizes, epochs, steps, **where)
        count = (epochs[1] - epochs[0]) * (steps[1] - steps[0])
        self._pace = (time.perf_counter() - began) / count
        programs_of(self._model).steps_run[program_key(blocks, jit=True)] += count
        if not finite.all():
            names = [n for n, ok in zip(program.guarded_names, finite, strict=True) if not ok]
            before.restore()
            if last > epochs[0]:
                # The epochs before the one that failed are repeated, to the same weights.
                program(self._block, sizes, (epochs[0], last), steps, **where)
            raise not_finite(self._model, epoch + last - epochs[0], names)
        return history


def program_key(blocks: Blocks, *, jit: bool) -> Any:
    """Returns what a program for blocks depends on; XLA wants to know all sizes beforehand."""
    sizes = (blocks.rows, blocks.batch_size, blocks.epochs) if jit else ()
    return (jit, str(blocks.batch_spec), *sizes)
