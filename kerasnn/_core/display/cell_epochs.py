"""Epochs of a training, and batches of other work, below the cell of a notebook."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import numpy as np

from kerasnn._core.display.cell import INTERVAL_SECONDS, CellBar, cell_output
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
        self._title = f"Epoch {epoch + 1}/{(self.params or {}).get('epochs', '?')}"
        self._began = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Shows how far the epoch is."""
        if self._is_due():
            line = [self._title, f"step {batch + 1}/{(self.params or {}).get('steps') or '?'}"]
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


@contextlib.contextmanager
def cell_epochs(verbose: int | str) -> Iterator[CellEpochs | None]:
    """Yields a callback in place of Keras's progress bar in a notebook; None elsewhere.

    After an error or Ctrl-C the cell shows all epochs that were trained.
    """
    show = cell_output("text/plain") if verbosity(verbose) == 1 else None
    cell = None if show is None else CellEpochs(show)
    try:
        yield cell
    except BaseException:
        if cell is not None:
            cell.on_train_end()
        raise


class CellBatches(keras.callbacks.Callback):
    """A bar of an evaluation or a prediction in an output that replaces itself.

    Args:
        show: Shows a text in place of the last.
    """

    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__()
        self._show = show
        self._done = 0

    def on_test_begin(self, logs: Any = None) -> None:
        """Makes the bar."""
        self._bar = CellBar(self._show, "", (self.params or {}).get("steps"), "step")

    on_predict_begin = on_test_begin

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Shows how far the evaluation is."""
        self._done = batch + 1
        self._bar.update(self._done, _numbers(logs), finalize=False)

    def on_test_end(self, logs: Any = None) -> None:
        """Shows loss and metrics."""
        self._bar.update(self._done, _numbers(logs), finalize=True)

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """Shows how far the prediction is."""
        self.on_test_batch_end(batch)

    def on_predict_end(self, logs: Any = None) -> None:
        """Shows that it has ended."""
        self.on_test_end()


def with_cell_batches(verbose: Any, callbacks: Any) -> tuple[Any, Any]:
    """Returns Keras's `verbose` and `callbacks`, in a notebook with a bar in place of Keras's."""
    show = cell_output("text/plain") if verbose == 1 else None
    if show is None or isinstance(callbacks, keras.callbacks.CallbackList):
        return verbose, callbacks
    return 0, [*keras.tree.flatten(callbacks or []), CellBatches(show)]


def _numbers(logs: Mapping[str, Any] | None) -> list[tuple[str, float]]:
    return [(name, float(v)) for name, v in (logs or {}).items() if np.size(v) == 1]


def _words(line: list[str], logs: Mapping[str, Any] | None) -> str:
    values = [f"{name}: {np.round(value, 4)}" for name, value in (logs or {}).items()]
    return " - ".join([*line, *values])
