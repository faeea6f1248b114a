"""The callback `Resume`."""

import contextlib
import os
import pathlib
from collections.abc import Iterator
from typing import Any

import keras

from kerasnn import _checks
from kerasnn._core import atomic_files
from kerasnn._core.callback import Callback
from kerasnn._core.process.lock import path_lock
from kerasnn._core.process.strategy import is_chief
from kerasnn.callbacks.resume.fingerprint import Fingerprint
from kerasnn.callbacks.resume.snapshot import ResumableRun


class Resume(Callback):
    """Saves the state of training, so that the same script, started again, ends in the same bits.

    After the last callback of an epoch the whole state is saved: weights, the optimizer's state
    and counters, seeds of layers, the global generators of Python and NumPy, the seed of the
    shuffling order, callbacks, History, and whether training was stopped. The next `fit` with the
    same path continues with the following epoch: no step of the resumed run is repeated or left
    out. A run that has ended trains no more: its state is restored and its History returned. With
    more `epochs` it continues, unless a callback has stopped it.

    One path is for one call of `fit`. To train from the start, delete the file. It is written
    under another name, flushed to the disk and then renamed: after a kill or a power failure at
    any time it is the former file or the new one, and whole. A file that the disk has damaged is
    found by its checksums (CRC-32), and is an error. On SIGTERM, or Ctrl-C, the state after the
    last whole epoch is in the file when the process ends; on SIGTERM it ends with exit code 143.

    A second run on the same path is refused by a lock on `path.lock`, which ends with its process
    however that ends.

    Callbacks: of a `kerasnn.callbacks.Callback` what its `state()` returns is saved, and given to
    `restore(state)` after `on_train_begin`. Of Keras's callbacks it is

    | callback | attributes |
    |---|---|
    | `History` of Keras | `epoch`, `history` |
    | `EarlyStopping` of Keras | `wait`, `best`, `best_epoch`, `best_weights`, `stopped_epoch` |
    | `ReduceLROnPlateau` of Keras | `best`, `wait`, `cooldown_counter` |
    | `ModelCheckpoint` of Keras | `best` |

    and so of classes that extend these. **Of any other callback nothing is saved**: it is as its
    constructor and `on_train_begin` leave it. If it has a state of its own, derive it from
    `kerasnn.callbacks.Callback`. Files that a callback writes are its own affair: give `CSVLogger`
    `append=True`.

    Several workers of a `tf.distribute.MultiWorkerMirroredStrategy` need one path that all of them
    can read: the first worker alone writes it.

    Limits: it works with `kerasnn.fit` and the `fit` of kerasnn's models. Data must be arrays, or
    a finite `tf.data.Dataset` that gives the same batches each time it is read, which is tested by
    reading it twice before training. With `engine="keras"` arrays need `shuffle=False`. Keras does
    not show the state of the global generator of `keras.random`, nor TensorFlow that of
    `tf.random.normal` and its like: a layer or a loss that draws from them without a seed of its
    own is not restored. Losses and metrics are compared by name and configuration, not by code.
    Tuples in the state of a callback come back as lists.

    Args:
        path: File to save to; its directory is made where there is none.
        every: Epochs between two savings; the last epoch is always saved.

    Attributes:
        resumed_epoch_: The epoch, counted from 0, with which the last `fit` continued; None where
            it began anew.

    Raises:
        InvalidArgument: If an argument breaks its rule; in `fit`, if the saved run had another
            model, optimizer, loss, data or arguments, if the data cannot be read once more, or if
            the file is damaged.
        BlockingIOError: If another run uses `path`.
        OSError: If `path` cannot be written to, before training where that is known, or the disk
            is full; what was saved before is still there.
        TypeError: If an argument is unknown, or the state of a callback is not plain data.

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
        _checks.integer("every", every)
        _checks.file_name("path", path)
        self.path = path
        self.every = every
        self.resumed_epoch_: int | None = None
        self._run: ResumableRun | None = None

    def before_fit(self, model: Any, *, validates: bool, alone: bool) -> None:
        """Raises where the path cannot be written to."""
        if is_chief(model):
            atomic_files.check_writable("path", pathlib.Path(self.path))

    @contextlib.contextmanager
    def watching(
        self,
        callbacks: list[keras.callbacks.Callback],
        fingerprint: Fingerprint,
        *,
        writes: bool = True,
    ) -> Iterator[ResumableRun]:
        """Locks the path for one run, and loads what was saved of it.

        Args:
            callbacks: All other callbacks of the run, History among them.
            fingerprint: Model, optimizer, loss, data and arguments of the run.
            writes: Whether this process writes the file, which of several workers one does.
        """
        _check_swaps(callbacks)
        path = pathlib.Path(self.path)
        if writes:
            path.parent.mkdir(parents=True, exist_ok=True)
        with path_lock(path) if writes else contextlib.nullcontext():
            run = ResumableRun(path, callbacks, fingerprint, writes=writes)
            self.resumed_epoch_ = None if run.saved is None else run.saved["epoch"]
            self._run = run
            try:
                with run.termination.handled():
                    yield run
            finally:
                self._run = None
                run.flush()

    def on_train_begin(self, logs: Any = None) -> None:
        """Puts back what was saved; all other callbacks have begun."""
        self._current_run.restore(self.model)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keeps the state, and saves it where it is time; all other callbacks have run."""
        run = self._current_run
        run.keep(self.model, epoch + 1)
        last = epoch + 1 == self.params["epochs"] or self.model.stop_training
        if last or (epoch + 1) % self.every == 0:
            run.flush()

    @property
    def _current_run(self) -> ResumableRun:
        if self._run is None:
            raise _checks.InvalidArgument(
                "callbacks",
                "hold no `Resume` in Keras's own `fit`, whose shuffling order cannot be repeated",
                self,
                "Call `kerasnn.fit(model, x, y, callbacks=[Resume(path)])`.",
                got="`Resume`",
            )
        return self._run


def _check_swaps(callbacks: list[keras.callbacks.Callback]) -> None:
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.SwapEMAWeights) and callback.swap_on_epoch:
            raise _checks.InvalidArgument(
                "callbacks",
                "hold no `SwapEMAWeights(swap_on_epoch=True)` beside `Resume`, which would save "
                "the averages in place of the weights",
                callback,
                "Leave out `swap_on_epoch`.",
                got="`SwapEMAWeights`",
            )
