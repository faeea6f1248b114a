"""Warnings about names that a later version removes."""

import functools
import warnings
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def renamed_argument(
    old: str, new: str, *, since: str, removal: str
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Lets callers give an argument by its former name, with a `FutureWarning`.

    It goes above `known_arguments`, which then sees the new name alone.

    Args:
        old: The former name.
        new: The name in the signature.
        since: First version with the new name.
        removal: First version without the former one.

    Raises:
        TypeError: In the call, if it gives both names.

    Example:
        >>> @renamed_argument("jobs", "n_jobs", since="0.2", removal="0.4")
        ... def search(*, n_jobs=1):
        ...     return n_jobs
        >>> with warnings.catch_warnings(action="ignore"):
        ...     search(jobs=2)
        2
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        called = _name(function)

        @functools.wraps(function)
        def renamed(*args: P.args, **kwargs: P.kwargs) -> R:
            if old in kwargs:
                if new in kwargs:
                    raise TypeError(
                        f"`{called}` takes `{new}`, and not its former name `{old}` too."
                    )
                _warn(f"`{old}` of `{called}` is deprecated", since, removal, f"`{new}`")
                kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return renamed

    return decorate


def deprecated(
    instead: str, *, since: str, removal: str
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Has each call of a function give a `FutureWarning`; of a class, decorate the `__init__`.

    Args:
        instead: What to use in its place, in words: "`serving.export`".
        since: First version that warns.
        removal: First version without it.

    Example:
        >>> @deprecated("`fit`", since="0.2", removal="0.4")
        ... def train():
        ...     return "trained"
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     train()
        'trained'
        >>> print(caught[0].message)
        `train` is deprecated since kerasnn 0.2 and is removed in 0.4; use `fit`.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        called = _name(function)

        @functools.wraps(function)
        def warned(*args: P.args, **kwargs: P.kwargs) -> R:
            _warn(f"`{called}` is deprecated", since, removal, instead)
            return function(*args, **kwargs)

        return warned

    return decorate


def _name(function: Callable[P, R]) -> str:
    return function.__qualname__.removesuffix(".__init__").rpartition(".")[2]


def _warn(what: str, since: str, removal: str, instead: str) -> None:
    # A FutureWarning is shown by default, to users of a script too. Level 3 is the caller's line.
    text = f"{what} since kerasnn {since} and is removed in {removal}; use {instead}."
    warnings.warn(text, FutureWarning, stacklevel=3)
