"""The best model of a training, kept in a file."""

import os
import pathlib
from typing import Any

import keras

from kerasnn import _checks
from kerasnn._core import atomic_files
from kerasnn.callbacks._monitor import Monitored, check_watched

# A younger draft may be what another process is writing at this moment.
_IDLE_S = 3600.0


class BestModel(Monitored, keras.callbacks.ModelCheckpoint):
    """Keeps the best model of training in a file, which is whole at any time.

    Each better model is written under another name beside `path`, flushed to the disk, and then
    renamed: where the process is killed, or the disk is full, the former one is still there.
    The best value is kept over several calls of `fit` with the same callback. Where `path` is a
    link, the file that it leads to is replaced.

    Args:
        path: Where the model is kept; ends in `.keras`.
        monitor: Name of the metric in the logs.
        min_delta: Least change that counts as better.
        mode: Whether less (`"min"`) or more (`"max"`) is better; `"auto"` knows Keras's metrics.
        verbose: 1 prints when a model is saved.

    Raises:
        InvalidArgument: If `path` does not end in `.keras`, an argument is out of its range, or
            the metric is missing.
        OSError: If the model cannot be written, before training where that is known; the former
            one is still there.
        TypeError: If an argument is unknown.

    Example:
        >>> import pathlib, tempfile
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", loss="mse")
        >>> best = BestModel(pathlib.Path(tempfile.mkdtemp(), "best.keras"), "loss")
        >>> history = model.fit(
        ...     keras.ops.ones((8, 1)), keras.ops.ones((8, 1)), verbose=0, callbacks=[best]
        ... )
        >>> best.path.exists()
        True
    """

    @_checks.known_arguments
    def __init__(
        self,
        path: str | os.PathLike[str],
        monitor: str = "val_loss",
        *,
        min_delta: float = 0.0,
        mode: str = "auto",
        verbose: int = 0,
    ) -> None:
        _checks.file_name("path", path, ".keras")
        check_watched(monitor, min_delta, mode, verbose)
        self.path = path
        super().__init__(os.fspath(path), monitor, verbose, save_best_only=True, mode=mode)
        self.min_delta = min_delta

    def before_fit(self, model: Any, *, validates: bool, alone: bool) -> None:
        """Raises where it cannot work."""
        super().before_fit(model, validates=validates, alone=alone)
        atomic_files.check_writable("path", self._file)

    def on_train_begin(self, logs: Any = None) -> None:
        """Starts to watch; raises where the path cannot be written to."""
        atomic_files.check_writable("path", self._file)
        atomic_files.clear_drafts(self._file, idle_s=_IDLE_S)
        super().on_train_begin(logs)

    def update(self, epoch: int, value: float) -> None:
        """Writes the model where it is better."""
        if not self.is_better(value, self.best):
            return
        try:
            with atomic_files.replacing(self._file) as draft:
                self.model.save(draft)
        except OSError as error:
            raise OSError(
                error.errno,
                f"The model after epoch {epoch + 1} could not be written to {str(self.path)!r}: "
                f"{error.strerror or error}. What was there before is still there.",
            ) from error
        self.best = value
        if self.verbose:
            print(
                f"\nEpoch {epoch + 1}: {self.monitor} is {value:.5f}, the best so far; "
                f"the model was saved to {os.fspath(self.path)}."
            )

    @property
    def _file(self) -> pathlib.Path:
        # A rename would put the file in the place of a link to it.
        return pathlib.Path(self.path).resolve()
