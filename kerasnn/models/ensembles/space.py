"""Ranges of the hyperparameters of a pack, and settings drawn from them."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from kerasnn import _checks

#: Names of the hyperparameters, in the order in which they are drawn.
NAMES = ("hidden", "activation", "learning_rate", "dropout", "weight_decay", "sigma")

_UNITS, _LEAST_UNITS = 64, 8
# With more in a first layer, `fit_many` would train networks one after the other.
_MOST_WEIGHTS = 25_600


@runtime_checkable
class Range(Protocol):
    """What values are drawn from, such as `selection.log_uniform(1e-3, 1e-1)`."""

    def draw(self, generator: np.random.Generator) -> Any:
        """Returns a value."""


@dataclasses.dataclass(frozen=True)
class _LogUniform:
    low: float
    high: float

    def draw(self, generator: np.random.Generator) -> float:
        return math.exp(generator.uniform(math.log(self.low), math.log(self.high)))


def default_space(inputs: int, *, regression: bool) -> dict[str, Any]:
    """Returns the ranges of a pack.

    Args:
        inputs: Number of inputs of the first hidden layer.
        regression: Whether numbers are predicted.

    >>> [default_space(inputs, regression=False)["hidden"] for inputs in (50, 1000)]
    [[(64, 64)], [(25, 25)]]
    """
    units = max(_LEAST_UNITS, min(_UNITS, _MOST_WEIGHTS // inputs))
    return {
        "hidden": [(units, units)],
        "activation": ["mish" if regression else "selu"],
        "learning_rate": _LogUniform(1e-2, 1e-1),
        "dropout": [0.05, 0.1, 0.2, 0.3],
        "weight_decay": [0.0, 0.02, 0.1],
        "sigma": _LogUniform(0.03, 0.5),
    }


def settings(space: Mapping[str, Any], count: int, seed: int) -> list[dict[str, Any]]:
    """Returns settings drawn from a space.

    Args:
        space: Name -> list of values, or a `Range`; all of `NAMES`.
        count: Number of settings.
        seed: Seed of the draws.

    Returns:
        For each setting its values by name.
    """
    generator = np.random.default_rng(seed)
    return [_checked({name: _draw(space[name], generator) for name in NAMES}) for _ in range(count)]


def checked_space(space: Any, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the ranges, those that are given in place of the defaults."""
    if space is None:
        return dict(defaults)
    if not isinstance(space, Mapping):
        raise _checks.InvalidArgument("space", "be a dictionary of ranges by name", space)
    for name, values in space.items():
        _checks.one_of("space", name, NAMES)
        is_list = isinstance(values, Sequence) and not isinstance(values, str) and len(values) > 0
        if not is_list and not isinstance(values, Range):
            raise _checks.InvalidArgument(
                f"space[{name!r}]",
                "be a list of values or a range such as `selection.log_uniform(0.01, 0.1)`",
                values,
                f"For one value give [{values!r}].",
            )
    return {**defaults, **space}


def _draw(values: Any, generator: np.random.Generator) -> Any:
    if isinstance(values, Range):
        return values.draw(generator)
    return values[int(generator.integers(len(values)))]


def _checked(setting: dict[str, Any]) -> dict[str, Any]:
    def name(key: str) -> str:
        return f"space[{key!r}]"

    hidden = setting["hidden"]
    if not isinstance(hidden, (tuple, list)):
        raise _checks.InvalidArgument(
            name("hidden"), "hold the sizes of all layers", hidden, f"Give [({hidden},)], say."
        )
    for size in hidden:
        _checks.integer(name("hidden"), size)
    _checks.number(name("learning_rate"), setting["learning_rate"], above=0)
    _checks.rate(name("dropout"), setting["dropout"], "To switch dropout off, use 0.")
    _checks.number(name("weight_decay"), setting["weight_decay"], at_least=0)
    _checks.number(name("sigma"), setting["sigma"], above=0)
    numbers = {key: float(setting[key]) for key in NAMES[2:]}
    return {"hidden": list(map(int, hidden)), "activation": setting["activation"], **numbers}
