"""Ranges of hyperparameters."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerasnn import _checks


@dataclasses.dataclass(frozen=True)
class Uniform:
    """Real numbers from `low` to `high`, uniform in their logarithm where `log`."""

    low: float
    high: float
    log: bool = False

    def draw(self, generator: np.random.Generator) -> float:
        """Returns a number."""
        if self.log:
            return math.exp(generator.uniform(math.log(self.low), math.log(self.high)))
        return float(generator.uniform(self.low, self.high))

    def suggest(self, trial: Any, name: str) -> float:
        """Returns the number that a trial of Optuna suggests."""
        return trial.suggest_float(name, self.low, self.high, log=self.log)

    def listed(self) -> list[Any] | None:
        """Returns all values, or None where there are infinitely many."""
        return None


@dataclasses.dataclass(frozen=True)
class Integers:
    """Integers from `low` to `high`, both included."""

    low: int
    high: int

    def draw(self, generator: np.random.Generator) -> int:
        """Returns a number."""
        return int(generator.integers(self.low, self.high, endpoint=True))

    def suggest(self, trial: Any, name: str) -> int:
        """Returns the number that a trial of Optuna suggests."""
        return trial.suggest_int(name, self.low, self.high)

    def listed(self) -> list[Any] | None:
        """Returns all values."""
        return list(range(self.low, self.high + 1))


@dataclasses.dataclass(frozen=True)
class Choice:
    """One of several values."""

    values: tuple[Any, ...]

    def draw(self, generator: np.random.Generator) -> Any:
        """Returns a value."""
        return self.values[int(generator.integers(len(self.values)))]

    def suggest(self, trial: Any, name: str) -> Any:
        """Returns the value that a trial of Optuna suggests; Optuna receives its index."""
        return self.values[trial.suggest_categorical(name, list(range(len(self.values))))]

    def listed(self) -> list[Any] | None:
        """Returns all values."""
        return list(self.values)


Range = Uniform | Integers | Choice
Space = dict[str, Range | Callable[[dict[str, Any]], Any]]


def uniform(low: float, high: float) -> Uniform:
    """Returns the range of real numbers from `low` to `high`.

    >>> uniform(0.0, 0.5)
    Uniform(low=0.0, high=0.5, log=False)
    """
    _checks.number("low", low)
    _checks.number("high", high, above=low)
    return Uniform(float(low), float(high))


def log_uniform(low: float, high: float) -> Uniform:
    """Returns the range from `low` to `high`, uniform in the logarithm, as for learning rates.

    >>> log_uniform(1e-4, 1e-1)
    Uniform(low=0.0001, high=0.1, log=True)
    """
    _checks.number("low", low, above=0, hint="A logarithm begins above 0.")
    _checks.number("high", high, above=low)
    return Uniform(float(low), float(high), log=True)


def integers(low: int, high: int) -> Integers:
    """Returns the range of integers from `low` to `high`, both included.

    >>> integers(1, 3).listed()
    [1, 2, 3]
    """
    for name, value in (("low", low), ("high", high)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
            raise _checks.InvalidArgument(name, "be an integer", value)
    if high < low:
        raise _checks.InvalidArgument("high", f"be at least low={low}", high)
    return Integers(int(low), int(high))


def choice(values: Sequence[Any]) -> Choice:
    """Returns the range of some values; a list in a space means the same.

    >>> choice(["relu", "tanh"]).listed()
    ['relu', 'tanh']
    """
    if not _is_list(values):
        raise _checks.InvalidArgument("values", "be a list of at least one value", values)
    return Choice(tuple(v.item() if isinstance(v, np.generic) else v for v in values))


def _is_list(values: Any) -> bool:
    """Whether there is at least one value; a string is one value and no list of letters."""
    if isinstance(values, (str, bytes, bytearray)):
        return False
    return isinstance(values, (Sequence, np.ndarray)) and len(values) > 0


def read_range(name: str, given: Any) -> Range | None:
    """Returns the range of an argument; None leaves it out.

    Raises:
        InvalidArgument: If `given` is no range.
    """
    if given is None or isinstance(given, (Uniform, Integers, Choice)):
        return given
    if not _is_list(given):
        rule = (
            "be a list of values, a range such as `log_uniform(1e-4, 1e-1)`, or a function of the "
            "values so far"
        )
        hint, got = f"For one value give [{given!r}].", repr(given)
        raise _checks.InvalidArgument(f"space[{name!r}]", rule, given, hint, got=got)
    return choice(list(given))
