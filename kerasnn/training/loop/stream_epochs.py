"""Epochs over the batches of a `tf.data.Dataset`."""

import time
from typing import Any

import tensorflow as tf

from kerasnn._core.model import State
from kerasnn.training.inputs.stream_values import BatchCheck
from kerasnn.training.loop.array_epochs import Logs, Progress
from kerasnn.training.loop.nan_guard import not_finite
from kerasnn.training.programs.pacing import CALL_SECONDS, steps_for
from kerasnn.training.programs.program_cache import programs_of
from kerasnn.training.programs.stream_program import StreamProgram
from kerasnn.training.programs.train_step import build


class StreamEpochs:
    """Runs epochs over a dataset.

    Where an epoch leaves the finite numbers, the model has again what it had before that epoch.

    Args:
        model: The model that is trained.
        dataset: What it is trained on.
        steps: Batches to an epoch of a dataset without an end; all of one with an end.
        check: Says what is wrong with a batch that the program stops before.
    """

    def __init__(
        self, model: Any, dataset: tf.data.Dataset, steps: int | None, check: BatchCheck
    ) -> None:
        self._model, self._dataset, self._limit, self._check = model, dataset, steps, check
        cardinality = int(dataset.cardinality())
        self.steps = steps or (cardinality if cardinality > 0 else None)
        self._endless = iter(dataset) if steps else None
        self._drawn = 0
        self._pace: float | None = None
        self.refresh()

    def refresh(self) -> None:
        """Makes the program, anew where what was traced into it has changed."""
        spec = self._dataset.element_spec
        self._program: StreamProgram = programs_of(self._model).get(
            self._model, ("stream", str(spec)), self._make
        )

    def run(self, epoch: int, progress: Progress) -> Logs:
        """Runs one epoch and returns its logs; tells `progress` of every part of it."""
        if self._endless is None:
            self._drawn = 0
        iterator = iter(self._dataset) if self._endless is None else self._endless
        done, logs, before = 0, {}, State(self._model)
        while self._limit is None or done < self._limit:
            wanted = steps_for(CALL_SECONDS, self._pace)
            wanted = wanted if self._limit is None else min(wanted, self._limit - done)
            began = time.perf_counter()
            count, part, finite, wrong = self._program(iterator, wanted, fresh=done == 0)
            self._drawn += count
            if count:
                self._pace = (time.perf_counter() - began) / count
                done, logs = done + count, part
            if not finite.all():
                before.restore()
                pairs = zip(self._program.guarded_names, finite, strict=True)
                raise not_finite(self._model, epoch, [name for name, ok in pairs if not ok])
            if wrong is not None:
                self._check(wrong, self._drawn)
                raise RuntimeError("The rules of the program and of the arrays differ.")
            if count:
                progress(done, logs)
            if count < wanted:
                break
        if done == 0:
            raise ValueError("`x` must hold at least one batch; got an empty tf.data.Dataset.")
        return logs

    def _make(self) -> StreamProgram:
        spec = self._dataset.element_spec
        build(self._model, spec)
        return StreamProgram(self._model, spec)
