"""Creation of an optimizer's state, and copies of optimizers."""

import re
from typing import Any

import keras

_PLAIN = (type(None), bool, int, float, str, bytes, re.Pattern)


def build_slots(optimizer: Any, variables: list[Any]) -> None:
    """Creates the state variables of an optimizer that has none yet.

    Keras's `LossScaleOptimizer.build` makes a second set of its own each time that it is called.
    """
    if not optimizer.built:
        optimizer.build(variables)


def schedule_of(optimizer: Any) -> Any:
    """Returns the learning-rate schedule inside an optimizer, or None if its rate is a number.

    Keras's public attribute is the rate of the current step.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    kind = keras.optimizers.schedules.LearningRateSchedule
    return next((value for value in vars(inner).values() if isinstance(value, kind)), None)


def is_plain(value: Any) -> bool:
    """Whether a value consists of numbers, strings and patterns alone."""
    if isinstance(value, dict):
        return all(map(is_plain, [*value, *value.values()]))
    if isinstance(value, (set, frozenset, list, tuple)):
        return all(map(is_plain, value))
    return isinstance(value, _PLAIN)


def copy_of(optimizer: Any, config: dict[str, Any] | None = None) -> Any:
    """Returns a new optimizer like another one, for the variables of the same model.

    It has no state yet. The variables given to `exclude_from_weight_decay` are in no configuration,
    and Keras gives no access to them, so all plain values that the new optimizer lacks are copied,
    before `build` creates its own.

    Args:
        optimizer: The one to copy.
        config: Its configuration, if it is to differ.
    """
    new = type(optimizer).from_config(optimizer.get_config() if config is None else config)
    _copy_settings(new, optimizer)
    return new


def _copy_settings(new: Any, old: Any) -> None:
    """Copies the settings of one optimizer, and of the one inside it, made after its creation."""
    known = dict(vars(new))
    for name, value in list(vars(old).items()):
        if isinstance(value, keras.optimizers.Optimizer):
            _copy_settings(known[name], value)
        elif name not in known and is_plain(value):
            setattr(new, name, value.copy() if isinstance(value, (set, dict, list)) else value)
