"""Checks of single arguments: numbers, choices, file names, and unknown keywords."""

import difflib
import fractions
import functools
import inspect
import math
import numbers
import os
import pathlib
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, TypeVar

import numpy as np

from kerasnn._checks.caller import hide_own_frames
from kerasnn._checks.errors import InvalidArgument

P = ParamSpec("P")
R = TypeVar("R")

_LARGEST_FLOAT = float(np.finfo(np.float32).max)
_LARGEST_INT = 2**63 - 1
_SPLIT = (
    "Of a split give its parts, such as `split.input_shape`, `split.outputs` and `task=split.task`."
)
# Words of other libraries.
_SYNONYMS = {
    "ignore": "drop",
    "exclude": "drop",
    "skip": "drop",
    "sep": "delimiter",
    "separator": "delimiter",
}
_TRAINING_ROWS = "Give its parts: `split.x_train, split.y_train`."
_PARTS = {
    "y": _TRAINING_ROWS,
    "epochs": _TRAINING_ROWS,
    "y_pred": "Give the targets and the predictions: `split.y_test, model.predict(split.x_test)`.",
}


def is_split(value: Any) -> bool:
    """Whether a value is a `kerasnn.data.Split`, whose package imports this one."""
    return type(value).__name__ == "Split"


def did_you_mean(word: Any, words: Iterable[str]) -> str:
    """Returns a question that names the known word nearest to `word`, or an empty string.

    >>> did_you_mean("sofmax", ["softmax", "relu"])
    'Did you mean `softmax`?'
    >>> did_you_mean("lr", ["learning_rate", "momentum"])
    'Did you mean `learning_rate`?'
    >>> did_you_mean("ignore", ["target", "drop"])
    'Did you mean `drop`?'
    >>> did_you_mean("zero", ["error", "drop", "mean"])
    ''
    """
    known = list(words)
    text = str(word)
    near = [name for name in known if "_" in name and _initials(name) == text]
    near = near or [name for name in known if name == _SYNONYMS.get(text)]
    # Words that begin otherwise have to be nearer: "zero" is not meant by "error".
    near = near or difflib.get_close_matches(text, known, n=1, cutoff=0.7)
    alike = [name for name in known if name[:1] == text[:1]]
    near = near or difflib.get_close_matches(text, alike, n=1, cutoff=0.6)
    return f"Did you mean `{near[0]}`?" if near else ""


def _initials(name: str) -> str:
    return "".join(part[:1] for part in name.split("_"))


def one_of(argument: str, value: Any, choices: Iterable[str]) -> None:
    """Raises unless `value` is one of `choices`."""
    known = list(choices)
    if not isinstance(value, str) or value not in known:
        listed = ", ".join(repr(str(choice)) for choice in known)
        raise InvalidArgument(argument, f"be one of {listed}", value, did_you_mean(value, known))


def is_one_of(value: Any, *choices: Any) -> bool:
    """Whether a value is one of some strings and numbers; an array never is."""
    return isinstance(value, (str, numbers.Number)) and value in choices


def number(
    argument: str,
    value: Any,
    *,
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
    hint: str = "",
) -> None:
    """Raises unless `value` is a number within the bounds that are given, and finite in float32."""
    given = _real(value)
    if (
        given is None
        or not math.isfinite(given)
        or (above is not None and not given > above)
        or (at_least is not None and not given >= at_least)
        or (below is not None and not given < below)
        or (at_most is not None and not given <= at_most)
    ):
        bounds = [
            f"{word} {bound:g}"
            for word, bound in (
                ("above", above),
                ("at least", at_least),
                ("below", below),
                ("at most", at_most),
            )
            if bound is not None
        ]
        rule = " ".join(["be a finite number", " and ".join(bounds)]).rstrip()
        raise InvalidArgument(argument, rule, value, _hint(value, hint))
    if abs(given) > _LARGEST_FLOAT:
        raise InvalidArgument(argument, "fit into float32, at most 3.4e38", value, hint)


def rate(argument: str, value: Any, hint: str = "To switch it off, use 0.") -> None:
    """Raises unless `value` is a fraction in [0, 1)."""
    given = _real(value)
    if given is None or not 0 <= given < 1:
        raise InvalidArgument(argument, "be in [0, 1)", value, _hint(value, hint))


def integer(argument: str, value: Any, *, at_least: int = 1, hint: str = "") -> None:
    """Raises unless `value` is an integer of at least `at_least`, and fits into int64."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < at_least:
        raise InvalidArgument(argument, f"be an integer of at least {at_least}", value, hint)
    if int(value) > _LARGEST_INT:
        raise InvalidArgument(argument, "fit into int64, below 2**63", value, hint)


def file_name(argument: str, value: Any, ending: str = "") -> None:
    """Raises unless a file that ends in `ending` can be written at a path, as far as is known."""
    path = os.fspath(value) if isinstance(value, (str, os.PathLike)) else None
    if not isinstance(path, str) or "\0" in path or not path.endswith(ending):
        raise InvalidArgument(
            argument, f"be a file name{ending and f' that ends in {ending}'}", value
        )
    if os.path.isdir(path or "."):
        raise InvalidArgument(argument, "be a file to write, not a directory", path)
    for parent in pathlib.Path(path).parents:
        if parent.is_file():
            raise InvalidArgument(argument, f"lie in a directory; `{parent}` is a file", path)


def boolean(argument: str, value: Any) -> None:
    """Raises unless `value` is True or False: a string would count as True."""
    if not isinstance(value, bool):
        raise InvalidArgument(argument, "be True or False", value)


def verbosity(value: Any) -> None:
    """Raises unless `verbose` is 0 or 1; False and True are the same."""
    if not isinstance(value, numbers.Integral) or value not in (0, 1):
        raise InvalidArgument("verbose", "be 0 or 1", value)


def _real(value: Any) -> float | None:
    """Returns an int or a float, NumPy's too, as a float, and None for anything else.

    A boolean is no number, and TensorFlow does not convert a `fractions.Fraction`.
    """
    if not isinstance(value, (float, np.floating, numbers.Integral)) or isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _hint(value: Any, hint: str) -> str:
    """Returns the hint; a `fractions.Fraction` has one of its own."""
    return "Give it as a float." if isinstance(value, fractions.Fraction) else hint


def _misplaced(args: Iterable[Any], missing: str) -> str:
    """Returns what to give in place of a data set, where an argument is missing."""
    if any(map(is_split, args)):
        return _PARTS.get(missing, _SPLIT)
    if missing == "target" and any(hasattr(arg, "columns") for arg in args):
        return "Frames are for `data.from_frame`, which needs it too."
    return ""


def known_arguments(function: Callable[P, R]) -> Callable[P, R]:
    """Makes `function` suggest the right name for a misspelt, positional or missing argument.

    >>> @known_arguments
    ... def build(*, dropout=0.0): ...
    >>> build(dropuot=0.5)
    Traceback (most recent call last):
    TypeError: `build` has no argument `dropuot`. Did you mean `dropout`?
    >>> build(0.5)
    Traceback (most recent call last):
    TypeError: `build` takes no argument by position; give others by name: `dropout=`.
    >>> @known_arguments
    ... def write(path, *, split, title=None): ...
    >>> write(split=0)
    Traceback (most recent call last):
    TypeError: `write` needs the argument `path`. Call it as `write(path, split=...)`.
    """
    parameters = inspect.signature(function).parameters
    names = [name for name in parameters if name != "self"]
    named_only = [name for name, p in parameters.items() if p.kind is p.KEYWORD_ONLY]
    required = [name for name in named_only if parameters[name].default is inspect.Parameter.empty]
    placed = len(parameters) - len(named_only)
    by_either = [
        name
        for name, p in parameters.items()
        if p.kind is p.POSITIONAL_OR_KEYWORD and p.default is p.empty
    ]
    by_place = ", ".join(f"`{name}`" for name in names if name not in named_only)
    called = function.__qualname__.removesuffix(".__init__").rpartition(".")[2]
    needed = [name for name in by_either if name != "self"] + [f"{name}=..." for name in required]
    example = f"Call it as `{called}({', '.join(needed)})`."

    def check(*args: P.args, **kwargs: P.kwargs) -> None:
        if named_only and len(args) > placed:
            raise TypeError(
                f"`{called}` takes {by_place or 'no argument'} by position; give others by name: "
                f"{', '.join(f'`{name}=`' for name in named_only)}."
            )
        for name in kwargs:
            # Keras passes private arguments to its own methods.
            if name not in names and not name.startswith("_"):
                hint = did_you_mean(name, names) or f"It takes {', '.join(names)}."
                raise TypeError(f"`{called}` has no argument `{name}`. {hint}")
        for name in required:
            if name not in kwargs:
                hint = _misplaced(args, name) or example
                raise TypeError(f"`{called}` needs the argument `{name}=`. {hint}")
        for name in by_either[len(args) :]:
            if name not in kwargs:
                hint = _misplaced(args, name) or example
                raise TypeError(f"`{called}` needs the argument `{name}`. {hint}")

    return ends_with_caller(function, check)


def ends_with_caller(
    function: Callable[P, R], check: Callable[..., None] | None = None
) -> Callable[P, R]:
    """Makes the traceback of an error in the arguments of `function` end with its caller.

    Args:
        function: A function or method.
        check: Called first with the same arguments; raises a `TypeError` where they are wrong.
    """

    @functools.wraps(function)
    def shown(*args: P.args, **kwargs: P.kwargs) -> R:
        if check is not None:
            try:
                check(*args, **kwargs)
            except TypeError as error:
                hide_own_frames(error)
                raise
        try:
            return function(*args, **kwargs)
        except (InvalidArgument, OSError, FloatingPointError) as error:
            hide_own_frames(error)
            raise

    # Keras reads the arguments of layers by `getfullargspec`, which does not look at `__wrapped__`.
    shown.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    return shown
