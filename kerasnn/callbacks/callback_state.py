"""What a callback has learned, to be kept and given back: for any callback."""

import inspect
import numbers
from typing import Any

import numpy as np

# What `fit` gives anew each time.
_GIVEN = {"model", "params", "validation_data"}


def state_of(callback: Any) -> dict[str, Any]:
    """Returns what `callback.state()` says, or else its plain attributes."""
    return callback.state() if hasattr(callback, "state") else plain_attributes(callback)


def restore(callback: Any, state: dict[str, Any]) -> None:
    """Gives a callback back what `state_of` returned, after its `on_train_begin`."""
    if hasattr(callback, "restore"):
        callback.restore(state)
    else:
        set_attributes(callback, state)


def plain_attributes(callback: Any) -> dict[str, Any]:
    """Returns the public attributes that are plain and are no arguments.

    An argument is not learned, though Keras changes one: it gives `min_delta` a sign.
    """
    arguments = {
        name
        for cls in type(callback).__mro__
        if "__init__" in vars(cls)
        for name in inspect.signature(cls.__init__).parameters
    }
    return {
        name: _copy(value)
        for name, value in vars(callback).items()
        if not name.startswith("_") and name not in arguments | _GIVEN and _is_plain(value)
    }


def set_attributes(callback: Any, state: dict[str, Any]) -> None:
    """Sets attributes to copies of what a state holds."""
    for name, value in state.items():
        setattr(callback, name, _copy(value))


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, (str, int)) for key in value) and _is_plain([*value.values()])
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (numbers.Number, str, np.ndarray, np.generic))


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_copy(item) for item in value]
    return value.copy() if isinstance(value, np.ndarray) else value
