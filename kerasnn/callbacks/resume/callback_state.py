"""What callbacks have learned, as plain data."""

import inspect
from typing import Any

import keras

from kerasnn._core.callback import Callback
from kerasnn.callbacks.resume.serialization import NotPlainError, encode

# What Keras gives anew: in each `fit`, and the comparison in the first epoch.
_KERAS_OWN = ("model", "_model", "params", "monitor_op")


def keyed(callbacks: list[keras.callbacks.Callback]) -> dict[str, keras.callbacks.Callback]:
    """Returns callbacks by their class's name, with a number where there are several."""
    by_key: dict[str, keras.callbacks.Callback] = {}
    for callback in callbacks:
        name = type(callback).__name__
        count = sum(type(other).__name__ == name for other in by_key.values())
        by_key[f"{name}#{count + 1}" if count else name] = callback
    return by_key


def settings_of(callback: Any) -> dict[str, Any]:
    """Returns the attributes that are named as arguments of the constructor, where plain.

    For a schedule stand its class and its configuration.
    """
    names = inspect.signature(type(callback).__init__).parameters
    settings = {name: value for name, value in _plain(callback).items() if name in names}
    for name, value in vars(callback).items():
        if name in names and isinstance(value, keras.optimizers.schedules.LearningRateSchedule):
            settings[name] = _configuration(value)
    return settings


def state_of(callback: Any, settings: dict[str, Any]) -> Any:
    """Returns what a callback wants to have again.

    That is what its `state` returns, or where it has none all its plain attributes but for
    those in `settings` that are as they were.
    """
    if _has_state(callback):
        return callback.state()
    return {
        name: value
        for name, value in _plain(callback).items()
        if name not in settings or not _same(value, settings[name])
    }


def set_state(callback: Any, state: Any) -> None:
    """Gives a callback what `state_of` returned."""
    if _has_state(callback):
        callback.restore(state)
    else:
        vars(callback).update(state)


def not_plain(callback: Any) -> list[str]:
    """Returns the attributes, with their types, that may be state and cannot be written down.

    Functions, classes and what Keras has made are no state; Keras's own callbacks keep none in
    other objects.
    """
    if _has_state(callback) or type(callback).__module__.partition(".")[0] == "keras":
        return []
    plain = _plain(callback)
    return [
        f"{name} (a {type(value).__name__})"
        for name, value in vars(callback).items()
        if name not in plain and name not in _KERAS_OWN and not _is_tool(value)
    ]


def _has_state(callback: Any) -> bool:
    return isinstance(callback, Callback) and type(callback).state is not Callback.state


def _configuration(schedule: Any) -> dict[str, Any]:
    """Returns what is known of a schedule; one of the user's own may have no configuration."""
    try:
        config = schedule.get_config()
        encode(config, [])
    except (NotImplementedError, NotPlainError):
        config = {}
    return {"class": type(schedule).__name__, **config}


def _is_tool(value: Any) -> bool:
    return callable(value) or type(value).__module__.partition(".")[0] == "keras"


def _plain(callback: Any) -> dict[str, Any]:
    plain = {}
    for name, value in vars(callback).items():
        if name in _KERAS_OWN:
            continue
        try:
            encode(value, [])
        except NotPlainError:
            continue
        # Together with the comparison Keras gives it a sign.
        plain[name] = abs(value) if name == "min_delta" else value
    return plain


def _same(a: Any, b: Any) -> bool:
    arrays: tuple[list, list] = ([], [])
    return repr(encode(a, arrays[0])) == repr(encode(b, arrays[1])) and all(
        x.dtype == y.dtype and x.tobytes() == y.tobytes() for x, y in zip(*arrays, strict=True)
    )
