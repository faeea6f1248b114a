"""Batches of generators, which do not say when they end."""

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from kerasnn import _checks
from kerasnn.training.inputs.stream_values import BatchCheck

_NOTHING = object()
# Larger validation data is probably not meant to be kept in memory.
MOST_KEPT_BYTES = 1 << 31


class Batches:
    """Reads the batches of an iterator one ahead, so that the last one is known.

    Args:
        name: Name of the iterator in errors.
        batches: The iterator.

    Attributes:
        count: Number of batches yielded so far.

    Raises:
        InvalidArgument: If there is no batch at all.
    """

    def __init__(self, name: str, batches: Iterator[Any]) -> None:
        self._batches = batches
        self._ahead = next(batches, _NOTHING)
        if self._ahead is _NOTHING:
            got = "an empty generator"
            raise _checks.InvalidArgument(name, "hold at least one batch", batches, got=got)
        self.count = 0

    @property
    def ended(self) -> bool:
        """Whether the last batch has been yielded."""
        return self._ahead is _NOTHING

    def __iter__(self) -> "Batches":
        """Returns itself: there is one reading."""
        return self

    def __next__(self) -> Any:
        """Returns the next batch."""
        batch = self._ahead
        if batch is _NOTHING:
            raise StopIteration
        self._ahead = next(self._batches, _NOTHING)
        self.count += 1
        return batch


class KeptBatches(keras.utils.PyDataset):
    """All batches of an iterator, kept, so that every validation is on the same data.

    Args:
        name: Name of the iterator in errors.
        batches: The iterator.
        argument: The argument that limits the number of batches.

    Raises:
        InvalidArgument: If there is no batch, or so many that the iterator may have no end.
    """

    def __init__(self, name: str, batches: Iterator[Any], argument: str) -> None:
        super().__init__()
        self._batches, size = [], 0
        for batch in Batches(name, batches):
            self._batches.append(batch)
            size += sum(np.asarray(leaf).nbytes for leaf in keras.tree.flatten(batch))
            if size > MOST_KEPT_BYTES:
                raise _checks.InvalidArgument(
                    argument,
                    f"be given where `{name}` is a generator of more than "
                    f"{MOST_KEPT_BYTES >> 20} MiB, which would be kept, or may have no end",
                    None,
                    "Give it, or a tf.data.Dataset or PyDataset.",
                )

    def __len__(self) -> int:
        """Returns the number of batches."""
        return len(self._batches)

    def __getitem__(self, index: int) -> Any:
        """Returns one batch."""
        return self._batches[index]


class StopAtEnd(keras.callbacks.Callback):
    """Stops training after the epoch in which a generator has ended.

    Keras would train each further epoch on the first batch.

    Args:
        batches: The batches to train on.
        epochs: Number of the epoch to stop after.
        steps: Batches in an epoch; None for all there are.
    """

    model: Any

    def __init__(self, batches: Batches, epochs: int, steps: int | None) -> None:
        super().__init__()
        self._batches, self._epochs, self._steps = batches, epochs, steps
        self._before, self._used = 0, 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Records how many batches earlier epochs have used."""
        self._before = self._used

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Counts the batches: TensorFlow draws some ahead."""
        self._used = self._before + batch + 1

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Stops if no batch is left for the next epoch; warns if batches are missing."""
        if not self._batches.ended or self._used < self._batches.count:
            return
        more = epoch + 1 < self._epochs
        if more or (self._steps is not None and self._used - self._before < self._steps):
            needed = "" if self._steps is None else f" with steps_per_epoch={self._steps}"
            _checks.warn(
                f"`x` ended after {self._batches.count} batches, in epoch {epoch + 1} of "
                f"{self._epochs}{needed}: training stops there, with the History so far. A "
                "generator can be read only once. For more epochs give a keras.utils.PyDataset, a "
                "tf.data.Dataset, or a generator that goes on, with `steps_per_epoch`."
            )
        if more:
            self.model.stop_training = True


@contextlib.contextmanager
def read_once(check: BatchCheck, x: Any, steps: int | None) -> Iterator[Any]:
    """Provides a stream with checked batches for Keras's `evaluate` or `predict`.

    Args:
        check: Checks each batch; its error is raised in place of Keras's.
        x: The stream.
        steps: Batches to read; all by default, and Keras does not warn at the end of a generator.
    """
    if hasattr(x, "__next__"):
        # Keras takes generators, but no iterators of other kinds.
        x = (batch for batch in Batches("x", check.batches(x)))
    with check.raising(), quiet_end() if steps is None else contextlib.nullcontext():
        yield check.stream(x)


@contextlib.contextmanager
def quiet_end() -> Iterator[None]:
    """Suppresses the warning that Keras gives at the end of every generator."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Your input ran out of data")
        yield
