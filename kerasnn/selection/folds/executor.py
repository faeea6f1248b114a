"""Folds, run one after the other or several at once."""

import concurrent.futures
import dataclasses
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from kerasnn.selection.folds.dataset import Problem
from kerasnn.selection.folds.fold import FoldResult, Training, run_fold
from kerasnn.selection.folds.splits import Split
from kerasnn.selection.sharing.model_pool import Workbench

Task = tuple[dict[str, Any], int, int]


class Crew:
    """Runs folds of one problem, each thread with models of its own.

    Args:
        problem: The data.
        build: What makes a model.
        how: How each fold is trained.
        splits: The rows of each fold.
        jobs: Number of threads; with one, folds run in the thread of the caller.
        trials: How often all folds are to be run.
    """

    def __init__(
        self,
        problem: Problem,
        build: Callable[..., Any],
        how: Training,
        splits: list[Split],
        jobs: int,
        trials: int = 1,
    ) -> None:
        self._problem, self._build, self._how, self._splits = problem, build, how, splits
        self._steps = trials * sum(how.steps(len(train)) for train, _ in splits)
        share = how.held_out(how.fresh_callbacks())
        self._rows = {len(train) - int(np.ceil(share * len(train))) for train, _ in splits}
        self._local = threading.local()
        self._pool = concurrent.futures.ThreadPoolExecutor(jobs) if jobs > 1 else None

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *_: Any) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def run(self, tasks: list[Task], epochs: int | None = None) -> Iterator[FoldResult]:
        """Yields the results of tasks, each (arguments of `build`, fold, seed), in their order.

        Args:
            tasks: What is to be run.
            epochs: Epochs, where they are not those that the crew was made for.
        """
        how = self._how if epochs is None else dataclasses.replace(self._how, epochs=epochs)
        run = map if self._pool is None else self._pool.map
        yield from run(lambda task: self._one(task, how), tasks)

    def _one(self, task: Task, how: Training) -> FoldResult:
        params, fold, seed = task
        bench = getattr(self._local, "bench", None)
        if bench is None:
            bench = self._local.bench = Workbench(self._rows, self._steps)
        split = self._splits[fold]
        return run_fold(self._problem, self._build, params, split, how, bench, seed)
