"""Checks of the batches of a stream that replicas divide."""

from typing import Any

import tensorflow as tf

from kerasnn import _checks
from kerasnn._core.process.strategy import has_workers, replicas_of
from kerasnn.training.programs.replicas.agreement import SameBatches
from kerasnn.training.programs.replicas.limits import needs_rows


class StreamCheck:
    """Raises where the batches of a stream cannot be divided between replicas.

    Args:
        model: The model.
        name: Name of the argument that gives the stream, for errors.
    """

    def __init__(self, model: Any, name: str) -> None:
        self._name, self._replicas = name, replicas_of(model)
        self._needs_rows = rows_needed(model) > 0
        self._same_batches = SameBatches(model) if has_workers(model) else None

    def __call__(self, digest: int, wrong: Any) -> None:
        """Checks what a call of a program has read; all workers call it at the same point.

        Args:
            digest: Digest of the batches.
            wrong: The batch that stopped the program, or None.

        Raises:
            InvalidArgument: On all workers, if they have read other batches, or a replica would
                have no row of a batch, and the model needs one.
        """
        if self._same_batches is not None:
            self._same_batches.check(self._name, digest)
        if wrong is None or not self._needs_rows:
            return
        rows = len(tf.nest.flatten(wrong)[0])
        if rows < self._replicas:
            raise _checks.InvalidArgument(
                self._name,
                f"leave each of the {self._replicas} replicas a row of each batch, which "
                "convolutions and pooling need",
                None,
                "Use another batch size, or `.batch(..., drop_remainder=True)`.",
                got=f"a batch of {rows}",
            )


def rows_needed(model: Any) -> int:
    """Returns the number of rows without which a replica would have none, and needs one."""
    replicas = replicas_of(model)
    return replicas if replicas > 1 and needs_rows(model) else 0
