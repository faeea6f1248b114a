"""Executor of folds: one after the other, or several at once in threads."""

import concurrent.futures
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")


class FoldExecutor:
    """Runs folds, and gives their results in order.

    Args:
        n_jobs: Number of threads; with one, folds run in the thread of the caller.
    """

    def __init__(self, n_jobs: int) -> None:
        self._pool = concurrent.futures.ThreadPoolExecutor(n_jobs) if n_jobs > 1 else None

    @property
    def has_threads(self) -> bool:
        """Whether folds run in other threads than that of the caller."""
        return self._pool is not None

    def __enter__(self) -> "FoldExecutor":
        return self

    def __exit__(self, *_: Any) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def map(self, run: Callable[[Any], T], folds: Iterable[Any]) -> Iterator[T]:
        """Yields `run(fold)` for each fold; the first error ends it."""
        return iter(map(run, folds) if self._pool is None else self._pool.map(run, folds))
