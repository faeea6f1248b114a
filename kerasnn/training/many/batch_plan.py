"""Batches of several members, each with its own rows and order."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from kerasnn.training.loop.row_blocks import shuffled_order


@dataclasses.dataclass(frozen=True)
class Segment:
    """Steps with batches of one size, in which the same members take part.

    Attributes:
        start: The first step.
        stop: The step to stop before.
        size: The batch size.
        active: Whether a member takes part, `(members,)`.
    """

    start: int
    stop: int
    size: int
    active: np.ndarray


class BatchPlan:
    """Cuts the rows of each member into batches, as `kerasnn.fit` does for one model.

    Members have different numbers of rows. A step with batches of several sizes, or without a batch
    for some members, becomes one step for each size, in which the others do not take part.

    Args:
        rows: Indices of the rows of each member.
        batch_size: Batch size.
        shuffle: Whether each epoch has a new order.
        seeds: Seeds of the orders, one a member, where rows are shuffled.

    Attributes:
        steps: Steps of an epoch.
        is_mixed: Whether all members take part in some steps, and not all in others.
    """

    def __init__(
        self,
        rows: Sequence[np.ndarray],
        batch_size: int,
        *,
        shuffle: bool = False,
        seeds: Sequence[int] | None = None,
    ) -> None:
        self._rows, self._shuffle = rows, shuffle
        self._batch_size = batch_size
        self._seeds = seeds or ()
        self._segments = list(_segments(np.array([len(r) for r in rows]), batch_size))
        self.steps = sum(s.stop - s.start for s in self._segments)
        self.is_mixed = len({bool(s.active.all()) for s in self._segments}) > 1

    def epoch(self, epoch: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yields the batches of an epoch, `(steps, members, batch)`, and who takes part."""
        orders = self._orders(epoch)
        for segment in self._segments:
            steps, first = segment.stop - segment.start, segment.start * self._batch_size
            batches = np.empty((steps, len(orders), segment.size), np.int32)
            for i, order in enumerate(orders):
                # Any rows do for a member that does not take part.
                part = (
                    order[first : first + steps * segment.size] if segment.active[i] else order[:1]
                )
                batches[:, i] = part.reshape(steps, -1) if segment.active[i] else part
            yield batches, segment.active

    def _orders(self, epoch: int) -> list[np.ndarray]:
        """Returns the rows of each member in the order of an epoch."""
        if not self._shuffle:
            return list(self._rows)
        # Folds of several settings have the same rows and seeds.
        pairs = list(zip(self._rows, self._seeds, strict=True))
        orders = {(id(rows), seed): rows for rows, seed in pairs}
        for (rows_id, seed), rows in orders.items():
            orders[rows_id, seed] = rows[shuffled_order(len(rows), seed, epoch)]
        return [orders[id(rows), seed] for rows, seed in pairs]


def _segments(counts: np.ndarray, batch_size: int) -> Iterator[Segment]:
    full = counts // batch_size
    start = 0
    # Between two of these steps the same members have full batches.
    for stop in np.unique(full[full > 0]):
        yield Segment(start, int(stop), batch_size, full > start)
        start = int(stop)
    rest = counts % batch_size
    for size in np.unique(rest[rest > 0]):
        for step in np.unique(full[rest == size]):
            yield Segment(int(step), int(step) + 1, int(size), (rest == size) & (full == step))
