"""Rows of which each of several workers has only those that it trains on."""

import dataclasses

import numpy as np

from kerasnn import _checks
from kerasnn.training.programs.replicas.step import bounds


@dataclasses.dataclass(frozen=True, kw_only=True)
class Share:
    """The rows of one worker, of which the others have none.

    Of a batch of n rows worker k of K has the rows from `k n // K` to `(k + 1) n // K`, those that
    its replicas take of it: see `divided_step`.

    Attributes:
        rows: Number of rows of all workers together.
        worker: Number of the worker.
        workers: Number of workers.
        digest: Digest of the rows of all workers, the same on each.
    """

    rows: int
    worker: int
    workers: int
    digest: str

    def positions(self, batch_size: int) -> np.ndarray:
        """Returns where the rows of the worker are among those of an epoch of all workers.

        >>> Share(rows=7, worker=1, workers=2, digest="").positions(4)
        array([2, 3, 5, 6])
        """
        starts = np.arange(0, self.rows, batch_size)
        first, stop = bounds(self.worker, self.workers, np.minimum(batch_size, self.rows - starts))
        before = np.cumsum(stop - first) - (stop - first)
        return np.repeat(starts + first - before, stop - first) + np.arange((stop - first).sum())

    def __str__(self) -> str:
        return f"{self.rows} rows of {self.workers} workers {self.digest}"


def rows_of_workers(rows: int, batch_size: int, workers: int) -> list[int]:
    """Returns the number of rows that each worker has.

    Raises:
        InvalidArgument: If a worker would have none of a whole batch.

    >>> rows_of_workers(7, 4, 2)
    [3, 4]
    """
    if rows < workers:
        raise _checks.InvalidArgument(
            "workers", f"be at most {rows}, the number of rows, of which each needs one", workers
        )
    if batch_size < workers:
        raise _checks.InvalidArgument(
            "batch_size",
            f"be at least {workers}, so that each worker has a row of a batch",
            batch_size,
            "Use fewer workers.",
        )
    whole, rest = divmod(rows, batch_size)
    sizes = [
        [stop - first for first, stop in (bounds(worker, workers, n) for n in (batch_size, rest))]
        for worker in range(workers)
    ]
    return [whole * of_whole + of_rest for of_whole, of_rest in sizes]
