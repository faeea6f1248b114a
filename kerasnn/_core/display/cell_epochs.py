"""Epochs of a training below the cell of a notebook."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from kerasnn._core.display.cell import INTERVAL_SECONDS, cell_output
from kerasnn._core.display.progress import verbosity

_MOST_LINES = 100


class CellEpochs(keras.callbacks.Callback):
    """One line an epoch in an output that replaces itself.

    Keras's own bar writes control characters, which a saved notebook keeps.

    Args:
        show: Shows a text in place of the last.
    """

    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__()
        self._show = show
        self._lines: list[str] = []
        self._shown = -float("inf")

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Notes the epoch."""
        self._title = f"Epoch {epoch + 1}/{self.params['epochs']}"
        self._began = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Shows how far the epoch is."""
        if self._is_due():
            line = [self._title, f"step {batch + 1}/{self.params.get('steps') or '?'}"]
            self._show(self._text([*self._lines, _words(line, logs)]))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Adds the line of the epoch."""
        seconds = time.perf_counter() - self._began
        self._lines.append(_words([self._title, f"{seconds:.2g} s"], logs))
        if self._is_due():
            self._show(self._text(self._lines))

    def on_train_end(self, logs: Any = None) -> None:
        """Shows the lines of all epochs."""
        if self._lines:
            self._show(self._text(self._lines))

    def _is_due(self) -> bool:
        now = time.perf_counter()
        is_due = now - self._shown >= INTERVAL_SECONDS
        self._shown = now if is_due else self._shown
        return is_due

    def _text(self, lines: list[str]) -> str:
        return "\n".join([*(["..."] if len(lines) > _MOST_LINES else []), *lines[-_MOST_LINES:]])


def cell_epochs(verbose: int | str) -> CellEpochs | None:
    """Returns a callback in place of Keras's progress bar in a notebook; None elsewhere."""
    show = cell_output("text/plain") if verbosity(verbose) == 1 else None
    return None if show is None else CellEpochs(show)


def _words(line: list[str], logs: Mapping[str, Any] | None) -> str:
    values = [f"{name}: {np.round(value, 4)}" for name, value in (logs or {}).items()]
    return " - ".join([*line, *values])
