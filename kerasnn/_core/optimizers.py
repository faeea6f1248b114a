"""Slots of an optimizer, and a copy of it."""

import re
from typing import Any

import keras

_PLAIN = (type(None), bool, int, float, str, bytes, re.Pattern)


def build_slots(optimizer: Any, variables: list[Any]) -> None:
    """Creates the slots of an optimizer that has none yet.

    Keras's `LossScaleOptimizer.build` makes a second set of its own each time that it is called.
    """
    if not optimizer.built:
        optimizer.build(variables)


def is_plain(value: Any) -> bool:
    """Whether a value is made of numbers, texts and patterns alone."""
    if isinstance(value, dict):
        return all(map(is_plain, [*value, *value.values()]))
    if isinstance(value, (set, frozenset, list, tuple)):
        return all(map(is_plain, value))
    return isinstance(value, _PLAIN)


def copy_of(optimizer: Any, config: dict[str, Any] | None = None) -> Any:
    """Returns a new optimizer like another one, for the variables of the same model.

    It has no slots yet. What `exclude_from_weight_decay` was told is in no configuration, and
    Keras has no reader for it: all plain values that a new optimizer lacks are copied, before
    `build` makes those anew that it makes.

    Args:
        optimizer: The one to copy.
        config: Its configuration, where some of it is to be other.
    """
    new = type(optimizer).from_config(optimizer.get_config() if config is None else config)
    _tell(new, optimizer)
    return new


def _tell(new: Any, old: Any) -> None:
    """Gives one optimizer, and the one inside it, what another was told after it was made."""
    known = dict(vars(new))
    for name, value in list(vars(old).items()):
        if isinstance(value, keras.optimizers.Optimizer):
            _tell(known[name], value)
        elif name not in known and is_plain(value):
            setattr(new, name, value.copy() if isinstance(value, (set, dict, list)) else value)
