"""Progress bar of one stage."""

import time
from typing import Any

import keras

from kerasnn._core.display.progress import Bar


class StageBar(keras.callbacks.Callback):
    """Progress bar over all epochs of a stage, with images/s, the logs and the time left.

    Args:
        rows: Rows of an epoch, or None if their number is not known.
        batch_size: Batch size.
        epochs: Epochs of the stage.
        verbose: As of `Bar`.
    """

    def __init__(self, rows: int | None, batch_size: int, epochs: int, verbose: int | str) -> None:
        super().__init__()
        self._rows, self._batch_size, self._epochs = rows, batch_size, epochs
        self._verbose = verbose

    def on_train_begin(self, logs: Any = None) -> None:
        """Starts the bar."""
        total = None if self._rows is None else self._rows * self._epochs
        self._bar = Bar("", total, self._verbose, unit="image")
        self._began, self._done, self._epoch = time.perf_counter(), 0, 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Notes the epoch."""
        self._epoch, self._before = epoch, self._done

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Moves the bar within an epoch."""
        done = (batch + 1) * self._batch_size
        self._move(done if self._rows is None else min(done, self._rows), logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Moves the bar to the end of an epoch."""
        self._move(self._done - self._before if self._rows is None else self._rows, logs)

    def on_train_end(self, logs: Any = None) -> None:
        """Ends the line, also if the stage ended early."""
        self._bar.__exit__()

    def _move(self, within: int, logs: Any) -> None:
        """Moves the bar to so many images of the epoch."""
        count = self._before + within - self._done
        self._done += count
        rate = self._done / max(time.perf_counter() - self._began, 1e-9)
        values = {"epoch": self._epoch + 1, "images/s": rate, **(logs or {})}
        self._bar.step(count, **values)
