"""The saved state of one training run: taken from its objects, compared, and put back."""

import os
import pathlib
import platform
import re
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn._core.callback import Callback
from kerasnn._core.model import variables_of
from kerasnn._core.optimizers import build_slots
from kerasnn._core.random_state import random_state, set_random_state
from kerasnn._version import __version__
from kerasnn.callbacks.resume import storage
from kerasnn.callbacks.resume.fingerprint import Fingerprint, differences, of_callbacks
from kerasnn.callbacks.resume.sigterm import Termination

_FORMAT = 1
# Of Keras's own callbacks these keep what later epochs depend on; the others keep nothing, or
# files. A subclass of the user's own is treated as the class that it extends.
_KERAS_STATE = (
    (keras.callbacks.History, ("epoch", "history")),
    (
        keras.callbacks.EarlyStopping,
        ("wait", "best", "best_epoch", "best_weights", "stopped_epoch"),
    ),
    (keras.callbacks.ReduceLROnPlateau, ("best", "wait", "cooldown_counter")),
    (keras.callbacks.ModelCheckpoint, ("best",)),
)
_ENVIRONMENT_VARIABLES = (
    "OMP_NUM_THREADS",
    "TF_DETERMINISTIC_OPS",
    "TF_ENABLE_ONEDNN_OPTS",
    "TF_XLA_FLAGS",
    "XLA_FLAGS",
)
_CACHE_FLAG = re.compile(r"--tf_xla_persistent_cache_\S+\s*")


class ResumableRun:
    """A training run whose state is saved after its epochs, and put back by the next process.

    Args:
        path: The file.
        callbacks: All callbacks but `Resume`.
        fingerprint: Model, optimizer, loss, data and arguments of the run.
        writes: Whether to save it; otherwise it is only put back.

    Attributes:
        saved: The state of the run that is resumed, or None where a new one begins: `epoch`, the
            number of the next one; `stopped`, whether a callback has stopped training;
            `manifest`, with `engine` and `seed`; and what `restore` puts back.
        termination: The handler of SIGTERM.

    Raises:
        InvalidArgument: If the file is damaged, or was saved by another run.
    """

    def __init__(
        self,
        path: pathlib.Path,
        callbacks: list[keras.callbacks.Callback],
        fingerprint: Fingerprint,
        *,
        writes: bool = True,
    ) -> None:
        self._writes = writes
        self.termination = Termination(self.flush)
        self._path, self._fingerprint = path, fingerprint
        self._callbacks = _by_name(callbacks)
        self._settings = of_callbacks(self._callbacks)
        self._manifest: dict[str, str] = {}
        self._epoch = 0
        self._pending: storage.Frozen | None = None
        self.saved: dict[str, Any] | None = storage.load(path)
        if self.saved is not None:
            self._compare(self.saved)

    def begin(self, engine: str, seed: int | None, replicas: int = 1) -> None:
        """Records engine and environment; warns where they differ from those of the saved epochs.

        Args:
            engine: The engine that was chosen.
            seed: Seed of the shuffling order, or None where rows are not shuffled.
            replicas: Number of replicas of a distribution strategy.
        """
        self._manifest = _environment() | {"engine": engine, "seed": str(seed)}
        if replicas > 1:
            self._manifest["replicas"] = str(replicas)
        if self.saved is not None:
            changed = differences(self.saved["manifest"], self._manifest)
            if changed:
                _checks.warn(
                    "The resumed run may differ in its last bits from one that was never "
                    f"stopped: {changed}."
                )

    def restore(self, model: Any) -> None:
        """Puts the saved state back, if there is one; all callbacks have begun."""
        if self.saved is None:
            return
        # Keras's own loop builds them in the first step only.
        build_slots(model.optimizer, model.trainable_variables)
        variables = variables_of(model)
        changed = differences(_described(self.saved["variables"]), _described(variables))
        if changed:
            raise _checks.InvalidArgument(
                "model",
                "have the variables that were saved",
                model.name,
                "Change that back, or use another `path` for a new run.",
                got=f"a model in which {changed}",
            )
        for variable, value in zip(variables, self.saved["variables"], strict=True):
            variable.assign(value)
        for name, state in self.saved["callbacks"].items():
            if name in self._callbacks:
                restore_state(self._callbacks[name], state)
        set_random_state(self.saved["random"])
        model.stop_training = self.saved["stopped"]
        # It is needed once, and the arrays may be large.
        self.saved = None

    def keep(self, model: Any, epoch: int) -> None:
        """Copies the state, to be written by `flush`.

        Args:
            model: The model that is trained.
            epoch: Number of the next epoch.
        """
        if not self._writes:
            return
        state = {
            "format": _FORMAT,
            "fingerprint": self._fingerprint,
            "settings": self._settings,
            "manifest": self._manifest,
            "epoch": epoch,
            "stopped": bool(model.stop_training),
            "variables": [variable.value.read_value() for variable in variables_of(model)],
            "callbacks": {name: state_of(each) for name, each in self._callbacks.items()},
            "random": random_state(),
        }
        try:
            self._pending = storage.freeze(state)
        except TypeError as error:
            raise TypeError(
                f"`state` of a callback must return plain data, but {error}. Return a dictionary "
                "of numbers, strings, None, arrays, and lists and dictionaries of them."
            ) from error
        self._epoch = epoch

    def flush(self) -> None:
        """Writes the state that is kept in memory and not yet in the file.

        Raises:
            OSError: If the disk is full or refuses.
        """
        with self.termination.postponed():
            pending, self._pending = self._pending, None
            if pending is None:
                return
            try:
                storage.save(self._path, pending)
            except OSError as error:
                raise OSError(
                    error.errno,
                    f"The state after epoch {self._epoch} could not be saved to "
                    f"{str(self._path)!r}: {error.strerror}. What was saved before is "
                    "still there. Make room, and start the script again.",
                ) from error

    def _compare(self, saved: dict[str, Any]) -> None:
        if saved["format"] != _FORMAT:
            raise _checks.InvalidArgument(
                "path",
                f"be a file in format {_FORMAT}",
                saved["format"],
                f"Use the kerasnn that wrote it, {saved['manifest']['kerasnn']}.",
                got=f"format {saved['format']} in {str(self._path)!r}",
            )
        changed = differences(saved["fingerprint"], self._fingerprint)
        if changed:
            raise _checks.InvalidArgument(
                "path",
                "be that of this run",
                str(self._path),
                "Change that back, or use another path for a new run.",
                got=f"{str(self._path)!r}, saved by a run in which {changed}",
            )
        changed = differences(saved["settings"], self._settings)
        # Of several workers the one that writes has more callbacks.
        if changed and self._writes:
            _checks.warn(f"The resumed run may end differently: of its callbacks {changed}.")


def state_of(callback: keras.callbacks.Callback) -> dict[str, Any]:
    """Returns what a callback has to have again."""
    if isinstance(callback, Callback):
        return callback.state()
    return {name: getattr(callback, name, None) for name in _keras_state(callback)}


def restore_state(callback: keras.callbacks.Callback, state: dict[str, Any]) -> None:
    """Gives a callback what `state_of` returned."""
    if isinstance(callback, Callback):
        callback.restore(state)
    else:
        vars(callback).update(state)


def _keras_state(callback: keras.callbacks.Callback) -> tuple[str, ...]:
    return next((names for kind, names in _KERAS_STATE if isinstance(callback, kind)), ())


def _by_name(
    callbacks: list[keras.callbacks.Callback],
) -> dict[str, keras.callbacks.Callback]:
    """Returns callbacks by their class's name, with a number where there are several."""
    by_name: dict[str, keras.callbacks.Callback] = {}
    for callback in callbacks:
        name = type(callback).__name__
        count = sum(type(other).__name__ == name for other in by_name.values())
        by_name[f"{name}#{count + 1}" if count else name] = callback
    return by_name


def _described(variables: list[Any]) -> Fingerprint:
    return {f"variables[{i}]": f"{v.dtype} {tuple(v.shape)}" for i, v in enumerate(variables)}


def _environment() -> dict[str, str]:
    """Returns the versions, threads and devices on which the last bits of a run depend."""
    threads = tf.config.threading
    gpus = tf.config.list_physical_devices("GPU")
    found = {
        "kerasnn": __version__,
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "intra_op_threads": str(threads.get_intra_op_parallelism_threads() or _cores()),
        "inter_op_threads": str(threads.get_inter_op_parallelism_threads() or _cores()),
        "processor": _processor(),
        "gpus": ", ".join(
            tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name)
            for gpu in gpus
        ),
    }
    variables = {name: os.environ.get(name, "") for name in _ENVIRONMENT_VARIABLES}
    # Where compiled programs are kept changes no bits; kerasnn names another place in each process.
    variables["TF_XLA_FLAGS"] = _CACHE_FLAG.sub("", variables["TF_XLA_FLAGS"]).strip()
    return found | variables


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    """Returns the processor's model, which decides the instructions that are used."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
