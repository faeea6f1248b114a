"""Progress bar of one stage."""

import time
from typing import Any

import keras


class StageBar(keras.callbacks.Callback):
    """Progress bar over all epochs of a stage, with images/s, the logs and the time left.

    Args:
        rows: Rows of an epoch, or None if their number is not known.
        batch_size: Batch size.
        epochs: Epochs of the stage.
    """

    def __init__(self, rows: int | None, batch_size: int, epochs: int) -> None:
        super().__init__()
        self._rows, self._batch_size, self._epochs = rows, batch_size, epochs

    def on_train_begin(self, logs: Any = None) -> None:
        """Starts the bar."""
        target = None if self._rows is None else self._rows * self._epochs
        # No value is averaged.
        self._bar = keras.utils.Progbar(target, unit_name="image", stateless_metrics=())
        self._began, self._before, self._within, self._epoch = time.perf_counter(), 0, 0, 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Notes the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Moves the bar within an epoch."""
        done = (batch + 1) * self._batch_size
        done = done if self._rows is None else min(done, self._rows)
        self._within = done
        self._show(self._before + done, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Moves the bar to the end of an epoch."""
        self._before += self._within if self._rows is None else self._rows
        self._show(self._before, logs)

    def on_train_end(self, logs: Any = None) -> None:
        """Ends the line, also if the stage ended early."""
        self._bar.update(self._before, finalize=True)

    def _show(self, done: int, logs: Any) -> None:
        rate = done / max(time.perf_counter() - self._began, 1e-9)
        values = [("epoch", self._epoch + 1), ("images/s", rate), *(logs or {}).items()]
        self._bar.update(done, values, finalize=False)
