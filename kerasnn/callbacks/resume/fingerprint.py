"""Text fingerprints of models, data and arguments, comparable across processes."""

import hashlib
import inspect
import re
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks

# Keys of a configuration to leave out: auto-numbered names and redundant entries.
_LEFT_OUT = (
    "name",
    "module",
    "registered_name",
    "build_config",
    "compile_config",
    "shared_object_id",
)
_LISTED = 5

Fingerprint = dict[str, str]


def of_model(model: keras.Model) -> Fingerprint:
    """Returns the layers and how they are connected; names of layers do not matter."""
    try:
        config: Any = model.get_config()
    except NotImplementedError:
        # A subclassed model: the shapes of its variables are compared later.
        config = {}
    return _flat("model", {"class": type(model).__name__, "config": config}, _names(config))


def of_training(model: keras.Model) -> Fingerprint:
    """Returns the optimizer, and the losses and metrics that `compile` received."""
    optimizer: Any = model.optimizer
    flat = _flat("optimizer", {"class": type(optimizer).__name__, **optimizer.get_config()}, {})
    compiled = model.get_compile_config() or {}
    for name in ("loss", "loss_weights", "metrics", "weighted_metrics"):
        flat |= _flat(name, compiled.get(name), {})
    return flat


def of_settings(settings: dict[str, Any]) -> Fingerprint:
    """Returns arguments of `fit`."""
    return _flat("fit", settings, {})


def of_callbacks(callbacks: dict[str, keras.callbacks.Callback]) -> Fingerprint:
    """Returns the arguments of callbacks' constructors that are kept as attributes.

    Args:
        callbacks: Name -> callback.
    """
    found: Fingerprint = dict.fromkeys(callbacks, "present")
    for name, callback in callbacks.items():
        kept = vars(callback)
        for argument in kept.keys() & inspect.signature(type(callback).__init__).parameters:
            value: Any = kept[argument]
            if isinstance(value, keras.optimizers.schedules.LearningRateSchedule):
                value = {"class": type(value).__name__, "config": _config(value)}
            elif argument == "min_delta":
                # Keras gives it a sign in the first epoch.
                value = abs(value)
            found |= _flat(f"{name}.{argument}", value, {})
    return found


def of_data(name: str, data: Any) -> Fingerprint:
    """Returns shape, type and SHA-256 of every array, or of a dataset read from start to end.

    Args:
        name: What errors call the data.
        data: Arrays in a structure, or a `tf.data.Dataset` with an end.
    """
    if isinstance(data, tf.data.Dataset):
        digest, batches = hashlib.sha256(), 0
        for batch in data:
            batches += 1
            for leaf in tf.nest.flatten(batch):
                _update(digest, np.asarray(leaf))
        return {name: f"{batches} batches {digest.hexdigest()}"}
    return {leaf: describe(np.asarray(array)) for leaf, array in _checks.named_leaves(name, data)}


def describe(array: np.ndarray) -> str:
    """Returns an array's shape, type and SHA-256."""
    digest = hashlib.sha256()
    _update(digest, array)
    return f"{array.dtype.name} {array.shape} {digest.hexdigest()}"


def differences(was: Fingerprint, now: Fingerprint) -> str:
    """Returns a description of the first five differences; empty where there are none.

    >>> differences({"a": "1", "b": "2"}, {"a": "1", "b": "3"})
    '`b` was 2, is now 3'
    """
    names = [name for name in {**was, **now} if was.get(name) != now.get(name)]
    listed = [
        f"`{name}` was {_short(was.get(name))}, is now {_short(now.get(name))}"
        for name in names[:_LISTED]
    ]
    if len(names) > _LISTED:
        listed.append(f"and {len(names) - _LISTED} more")
    return "; ".join(listed)


def _short(value: str | None) -> str:
    if value is None:
        return "absent"
    value = re.sub(r"\b([0-9a-f]{8})[0-9a-f]{56}\b", r"\1...", value)
    return value if len(value) <= 80 else f"{value[:60]}..."


def _update(digest: Any, array: np.ndarray) -> None:
    digest.update(f"{array.dtype.name}{array.shape}".encode())
    # The bytes of an array of objects, such as strings of any length, are addresses.
    plain = repr(array.tolist()).encode() if array.dtype.kind == "O" else array
    digest.update(np.ascontiguousarray(plain).view(np.uint8).data if plain is array else plain)


def _config(schedule: keras.optimizers.schedules.LearningRateSchedule) -> dict[str, Any]:
    try:
        return schedule.get_config()
    except NotImplementedError:
        return {}


def _names(config: Any) -> dict[str, str]:
    """Returns each name in a configuration -> its number in order of appearance."""
    names = dict.fromkeys(_each_name(config))
    return {name: f"#{number}" for number, name in enumerate(names)}


def _each_name(config: Any) -> Iterator[str]:
    if isinstance(config, dict):
        if isinstance(config.get("name"), str):
            yield config["name"]
        config = list(config.values())
    if isinstance(config, (list, tuple)):
        for item in config:
            yield from _each_name(item)


def _flat(path: str, value: Any, names: dict[str, str]) -> Fingerprint:
    if isinstance(value, dict):
        flat: Fingerprint = {}
        for key, item in value.items():
            if key not in _LEFT_OUT:
                flat |= _flat(path if key == "config" else f"{path}.{key}", item, names)
        return flat
    if isinstance(value, (list, tuple)):
        parts = [_flat(f"{path}[{i}]", item, names) for i, item in enumerate(value)]
        return {key: item for part in parts for key, item in part.items()} or {path: "nothing"}
    if isinstance(value, str):
        return {path: repr(names.get(value, value))}
    if value is None or isinstance(value, (bool, int, float, np.generic)):
        return {path: repr(value)}
    if isinstance(value, (np.ndarray, tf.Tensor)):
        return {path: describe(np.asarray(value))}
    # The repr of an object may hold its address.
    return {path: getattr(value, "__name__", type(value).__name__)}
