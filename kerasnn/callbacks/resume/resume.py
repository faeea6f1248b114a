"""Training that goes on after the process was killed."""

import contextlib
import os
import pathlib
from collections.abc import Iterator
from typing import Any

import keras

from kerasnn import _checks
from kerasnn._core import atomic_files
from kerasnn._core.callback import Callback
from kerasnn._core.lock import path_lock
from kerasnn.callbacks.resume.backup_file import Generations
from kerasnn.callbacks.resume.checkpoint import ResumableRun


class Resume(Callback):
    """Lets the same script, started again after a kill, end with the same bits.

    After an epoch's last callback the whole state of training is saved: weights, the optimizer's
    slots and counters, seeds of layers, Python's and NumPy's global generators, the seed of the
    order of the rows, every callback, History, and whether training was stopped. The next `fit`
    with the same path goes on with the epoch after it: no step of the run that goes on is done
    twice or left out. A run that has ended trains no more: it is restored, and its History
    returned. With more `epochs` it goes on, unless a callback has stopped it.

    One path is for one call of `fit`. Beside `path` there are `path.previous`, the state before
    the newest, and `path.lock`. To train from the start, delete them.

    A file appears whole or not at all, and has a checksum. Where the newest is damaged, the one
    before it is taken, with a warning. On SIGTERM, or Ctrl-C, the state after the last whole epoch
    is on the disk when the process ends; on SIGTERM it ends with exit code 143.

    Callbacks: one with `state()` and `restore(state)` says itself what is kept, as
    numbers, text, arrays, and lists, tuples, sets and dictionaries of them. Of any other all
    attributes of such types are kept, except for arguments of its constructor that are as they
    were. What is kept is given back after `on_train_begin`. What files a callback writes is its
    own affair: give `CSVLogger` `append=True`.

    A second process on the same path is kept off by a POSIX lock (`fcntl`), which ends with its
    process however that ends. On a system without it, such as Windows, `fit` raises
    `NotImplementedError` before training.

    Limits: it works with `kerasnn.fit` and the `fit` of kerasnn's models. Data must be arrays, or
    a `tf.data.Dataset` with an end that gives the same batches each time it is read, which is
    tried beforehand by reading it twice. With `engine="keras"` arrays need `shuffle=False`. Keras
    keeps the global generator of `keras.random` to itself, and TensorFlow that of
    `tf.random.normal` and its like: a layer or a loss that draws from them without a seed of its
    own is not put back. Losses and metrics are compared by name and configuration, not by code.

    Args:
        path: File to save to; its directory is made where there is none.
        every: Epochs from one saving to the next; the last epoch is always saved.

    Raises:
        ValueError: If the saved run had another model, optimizer, loss, data or arguments, or
            the data cannot be given once more; if no saved file is whole.
        BlockingIOError: If another process uses `path`.
        NotImplementedError: On a system without POSIX locks.
        OSError: If `path` cannot be written to, before training where that is known, or the disk
            is full; what was saved before is still there.
        TypeError: If an argument is unknown.

    Example:
        >>> import tempfile
        >>> from kerasnn import data, models
        >>> iris = data.load("iris")
        >>> model = models.mlp(4, outputs=3, task="multiclass")
        >>> resume = Resume(tempfile.mkdtemp() + "/iris.state")
        >>> history = model.fit(iris.x_train, iris.y_train, callbacks=[resume], verbose=0)
        >>> more = {"epochs": 3, "callbacks": [resume], "verbose": 0}
        >>> history = model.fit(iris.x_train, iris.y_train, **more)
        >>> resume.resumed_epoch_, len(history.history["loss"])
        (1, 3)
    """

    model: Any
    params: Any

    @_checks.known_arguments
    def __init__(self, path: str | os.PathLike[str], *, every: int = 1) -> None:
        super().__init__()
        _checks.whole_number("every", every)
        _checks.file_name("path", path)
        self.path = path
        self.every = every
        #: The epoch, counted from 0, that the last `fit` went on with; None where it began anew.
        self.resumed_epoch_: int | None = None
        self._run: ResumableRun | None = None

    def before_fit(self, model: Any, *, validates: bool, alone: bool) -> None:
        """Raises where the path cannot be written to."""
        atomic_files.check_writable("path", pathlib.Path(self.path))

    @contextlib.contextmanager
    def watching(
        self, callbacks: list[keras.callbacks.Callback], fingerprint: dict[str, str]
    ) -> Iterator[ResumableRun]:
        """Keeps the path for one run, and gives what is known of it.

        Args:
            callbacks: All other callbacks of the run, History among them.
            fingerprint: What the run is made of, in words.
        """
        path = pathlib.Path(self.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path_lock(path):
            run = ResumableRun(Generations(path), callbacks, fingerprint)
            self.resumed_epoch_ = None if run.saved is None else run.saved["epoch"]
            self._run = run
            try:
                with run.termination.awaited():
                    yield run
            finally:
                self._run = None
                run.flush()

    def on_train_begin(self, logs: Any = None) -> None:
        """Puts back what was saved; all other callbacks have begun."""
        self._watched.restore(self.model)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keeps what there is now, and saves it where it is time; all others have ended."""
        run = self._watched
        run.keep(self.model, epoch + 1)
        last = epoch + 1 == self.params["epochs"] or self.model.stop_training
        if last or (epoch + 1) % self.every == 0:
            run.flush()

    @property
    def _watched(self) -> ResumableRun:
        if self._run is None:
            raise ValueError(
                "`Resume` must be given to `kerasnn.fit` or to the `fit` of a kerasnn model: "
                "Keras's own `fit` draws an order of the rows that cannot be repeated. Call "
                "`kerasnn.fit(model, x, y, callbacks=[Resume(path)])`."
            )
        return self._run
