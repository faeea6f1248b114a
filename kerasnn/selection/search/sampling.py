"""Settings drawn from a space: all of them, or random ones."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from kerasnn import _checks
from kerasnn._core.random_state import derived
from kerasnn.selection.search.space import Range, read_range

Params = dict[str, Any]
Pick = Callable[[str, Range], Any]

_DRAWS = 100


def check_space(build: Callable[..., Any], space: Any) -> None:
    """Raises unless a space is made of ranges for arguments that `build` has."""
    if not isinstance(space, dict) or not space:
        raise _checks.InvalidArgument(
            "space", "be a dictionary from arguments of `build` to ranges", space
        )
    parameters = inspect.signature(build).parameters if callable(build) else {}
    takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    for name, given in space.items():
        if not isinstance(name, str):
            raise _checks.InvalidArgument("space", "have names of arguments as keys", name)
        if callable(build) and not takes_all and name not in parameters:
            hint = _checks.did_you_mean(name, parameters) or (
                f"It takes {', '.join(parameters) or 'none'}."
            )
            raise _checks.InvalidArgument("space", "name arguments of `build`", name, hint)
        if not callable(given):
            read_range(name, given)


def settings(space: dict[str, Any], pick: Pick) -> Params:
    """Returns a setting, each value picked from its range, in the order of the space."""
    params: Params = {}
    for name, given in space.items():
        found = _range(name, given, params)
        if found is not None:
            params[name] = pick(name, found)
    return params


def _range(name: str, given: Any, params: Params) -> Range | None:
    """Returns the range of an argument for the values of those before."""
    if callable(given):
        try:
            given = given(dict(params))
        except Exception as error:
            rule = "be a function of the dictionary of the values before it"
            hint = "Arguments that it reads come first in the space."
            got = f"{type(error).__name__}: {error}, for {params}"
            raise _checks.InvalidArgument(
                f"space[{name!r}]", rule, params, hint, got=got
            ) from error
    return read_range(name, given)


def grid(space: dict[str, Any]) -> list[Params]:
    """Returns all settings of a space.

    Raises:
        InvalidArgument: If a range holds infinitely many values.
    """
    found: list[Params] = [{}]
    for name, given in space.items():
        found = [more for params in found for more in _with_each(params, name, given)]
    return found


def _with_each(params: Params, name: str, given: Any) -> Iterator[Params]:
    values = _range(name, given, params)
    if values is None:
        yield params
        return
    listed = values.listed()
    if listed is None:
        rule, hint = "be a list for method='grid'", 'Give a list, or use method="random".'
        raise _checks.InvalidArgument(f"space[{name!r}]", rule, values, hint, got=str(values))
    for value in listed:
        yield {**params, name: value}


def drawn(space: dict[str, Any], n_trials: int, seed: int) -> list[Params]:
    """Returns settings drawn at random, none of them twice; fewer where there are no more."""
    found: list[Params] = []
    seen: set[str] = set()
    for i in range(n_trials):
        for again in range(_DRAWS):
            generator = np.random.default_rng(derived(seed, 2, i, again))
            params = settings(space, lambda _, values, rng=generator: values.draw(rng))
            if repr(params) not in seen:
                seen.add(repr(params))
                found.append(params)
                break
    return found
