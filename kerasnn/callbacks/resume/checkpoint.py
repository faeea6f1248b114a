"""One run of training that can be saved and gone on with."""

import warnings
from typing import Any

import keras

from kerasnn._core.model import variables_of
from kerasnn._core.optimizers import build_slots
from kerasnn._core.random_state import random_state, set_random_state
from kerasnn.callbacks.resume import callback_state
from kerasnn.callbacks.resume.backup_file import Generations
from kerasnn.callbacks.resume.environment import surroundings
from kerasnn.callbacks.resume.fingerprint import differences
from kerasnn.callbacks.resume.serialization import Frozen, NotPlainError
from kerasnn.callbacks.resume.sigterm import Termination

_FORMAT = 1


class ResumableRun:
    """Takes the state of a run out of its parts, and puts it back into them.

    Args:
        files: Where the state is kept.
        callbacks: All callbacks with a state.
        fingerprint: What the run is made of, in words.

    Attributes:
        saved: What was saved of the run that goes on, or None where a new one begins: `epoch`,
            the number of the next one; `stopped`, whether a callback has stopped it; `manifest`,
            with `engine` and `seed`; and more that is put back by `restore`.
        termination: What answers SIGTERM.

    Raises:
        ValueError: If the run that was saved was made of something else.
    """

    def __init__(
        self,
        files: Generations,
        callbacks: list[keras.callbacks.Callback],
        fingerprint: dict[str, str],
    ) -> None:
        self.termination = Termination(self.flush)
        self._files, self._fingerprint = files, fingerprint
        self._callbacks = callback_state.keyed(callbacks)
        self._settings = Frozen.of(
            {name: callback_state.settings_of(c) for name, c in self._callbacks.items()}
        ).thaw()
        self._manifest: dict[str, str] = {}
        self._pending: Frozen | None = None
        self.saved: dict[str, Any] | None = files.load()
        if self.saved is not None:
            self._compare(self.saved)

    def begin(self, engine: str, seed: int | None) -> None:
        """Notes by what the epochs are run; warns where it was something else.

        Args:
            engine: The engine that was chosen.
            seed: Seed of the order of the rows, or None where they stay as they are.
        """
        self._manifest = surroundings() | {"engine": engine, "seed": str(seed)}
        if self.saved is not None:
            changed = differences(self.saved["manifest"], self._manifest)
            if changed:
                warnings.warn(
                    "The run that goes on may differ in its last bits from one that was never "
                    f"stopped: {changed}.",
                    stacklevel=2,
                )

    def restore(self, model: Any) -> None:
        """Puts everything back, where something was saved; all callbacks have begun."""
        for name, callback in self._callbacks.items():
            lost = callback_state.not_plain(callback)
            if lost:
                warnings.warn(
                    f"`Resume` cannot keep {', '.join(lost)} of `{name}`. If the callback goes by "
                    "it, give it `state` and `restore`.",
                    stacklevel=2,
                )
        if self.saved is None:
            return
        # Keras's own loop leaves that to the first step.
        build_slots(model.optimizer, model.trainable_variables)
        variables = variables_of(model)
        changed = differences(_described(self.saved["variables"]), _described(variables))
        if changed:
            raise ValueError(f"`model` must be the one that was saved; {changed}.")
        for variable, value in zip(variables, self.saved["variables"], strict=True):
            variable.assign(value)
        for name, state in self.saved["callbacks"].items():
            if name in self._callbacks:
                callback_state.set_state(self._callbacks[name], state)
        set_random_state(self.saved["random"])
        model.stop_training = self.saved["stopped"]
        # Once is enough, and the arrays may be many.
        self.saved = None

    def keep(self, model: Any, epoch: int) -> None:
        """Keeps the state in memory.

        Args:
            model: The model that is trained.
            epoch: Number of the next epoch.
        """
        state = {
            "format": _FORMAT,
            "fingerprint": self._fingerprint,
            "manifest": self._manifest,
            "epoch": epoch,
            "stopped": bool(model.stop_training),
            "variables": [variable.value.read_value() for variable in variables_of(model)],
            "settings": self._settings,
            "callbacks": {
                name: callback_state.state_of(callback, self._settings[name])
                for name, callback in self._callbacks.items()
            },
            "random": random_state(),
        }
        try:
            self._pending = Frozen.of(state)
        except NotPlainError as error:
            raise TypeError(
                f"`state` of a callback must return plain data, but {error}. Return numbers, "
                "text, arrays, and lists, tuples, sets and dictionaries of them."
            ) from error
        self._epoch = epoch

    def flush(self) -> None:
        """Saves what is kept in memory and not on the disk.

        Raises:
            OSError: If the disk is full or refuses.
        """
        with self.termination.held():
            pending, self._pending = self._pending, None
            if pending is None:
                return
            try:
                self._files.save(pending)
            except OSError as error:
                raise OSError(
                    error.errno,
                    f"The state after epoch {self._epoch} could not be saved to "
                    f"{str(self._files.newest)!r}: {error.strerror}. What was saved before is "
                    "still there. Make room, and start the script again.",
                ) from error

    def _compare(self, saved: dict[str, Any]) -> None:
        if saved["format"] != _FORMAT:
            raise ValueError(
                f"{str(self._files.newest)!r} must have format {_FORMAT}; got format "
                f"{saved['format']}. Use the kerasnn that wrote it, "
                f"{saved['manifest']['kerasnn']}."
            )
        changed = differences(saved["fingerprint"], self._fingerprint)
        if changed:
            raise ValueError(
                f"The run saved at {str(self._files.newest)!r} must be gone on with as it was "
                f"begun; {changed}. Change that back, or use another path for a new run."
            )
        changed = differences(_words(saved["settings"]), _words(self._settings))
        if changed:
            warnings.warn(
                f"The run that goes on may not end as it would have: of its callbacks {changed}.",
                stacklevel=2,
            )


def _described(variables: list[Any]) -> dict[str, str]:
    return {f"variables[{i}]": f"{v.dtype} {tuple(v.shape)}" for i, v in enumerate(variables)}


def _words(settings: dict[str, Any]) -> dict[str, str]:
    """Returns each argument of each callback in words, and each callback itself."""
    flat = dict.fromkeys(settings, "present")
    for name, values in settings.items():
        for key, value in values.items():
            parts = value if isinstance(value, dict) else {"": value}
            flat |= {f"{name}.{key}.{part}".rstrip("."): repr(v) for part, v in parts.items()}
    return flat
