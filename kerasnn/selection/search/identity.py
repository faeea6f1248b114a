"""Identity of a search: short texts that are equal in two processes if the arguments are."""

import functools
import inspect
import pathlib
import sysconfig
import types
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np

from kerasnn import _checks

_PLAIN = (type(None), bool, int, float, complex, str, bytes)
_LONGEST = 60
# Code below these folders changes by an upgrade, not by the user's hand.
_INSTALLED = [
    pathlib.Path(_checks.__file__).parents[1],
    *(pathlib.Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")),
]


def identities(values: dict[str, Any]) -> dict[str, str]:
    """Returns the identity of each of several arguments.

    Raises:
        InvalidArgument: If a part of a value cannot be hashed. `argument` is the value's.
    """
    found: dict[str, str] = {}
    for name, value in values.items():
        try:
            found[name] = identity(value)
        except TypeError as error:
            hint = "Use plain values, arrays, functions and objects of these, or no journal."
            rule = "be of values that can be hashed, to identify a search by"
            raise _checks.InvalidArgument(name, rule, value, hint, got=str(error)) from None
    return found


def identity(value: Any) -> str:
    """Returns a short value's `repr`; for others a name and a hash of the content.

    Functions and classes of packages count by their qualified name. The user's count also by their
    source, and functions by their default values and the variables that they capture.
    `functools.partial` counts by its arguments. Objects count by their class and their
    configuration or attributes, arrays by their numbers. Functions and global variables that a
    function's source mentions are not compared, and neither are versions of Python and packages.

    Raises:
        TypeError: If a part of it cannot be hashed, such as a lock or an open file.

    >>> identity(0.5)
    '0.5'
    """
    text = repr(value)
    if type(value) in _PLAIN and len(text) <= _LONGEST:
        return text
    return f"{_name(value)} {joblib.hash(_content(value, ()))}"


def _content(value: Any, around: tuple[Any, ...]) -> Any:
    """Returns nested tuples of plain values and arrays; `around` are the objects that it is in."""
    if type(value) in _PLAIN or isinstance(value, (np.ndarray, np.generic)):
        return value
    if any(value is one for one in around):
        return ("the same as", _name(value))
    content = functools.partial(_content, around=(*around, value))
    kind = _name(type(value))
    if isinstance(value, (types.ModuleType, types.BuiltinFunctionType, np.ufunc)):
        return _name(value)
    if isinstance(value, type):
        return (_name(value), _source(value))
    if isinstance(value, types.FunctionType) and _is_installed(value):
        # A decorator of another package may stand around a function of the user's.
        wrapped = getattr(value, "__wrapped__", None)
        return _name(value) if wrapped is None else content(wrapped)
    if isinstance(value, types.FunctionType):
        return (_name(value), _source(value), *map(content, _values_of(value)))
    if isinstance(value, types.MethodType):
        return (kind, content(value.__func__), content(value.__self__))
    if isinstance(value, functools.partial):
        return (kind, content(value.func), content(value.args), content(value.keywords))
    if isinstance(value, dict):
        return (kind, *((content(key), content(item)) for key, item in value.items()))
    if isinstance(value, (set, frozenset)):
        return (kind, *sorted(str(joblib.hash(content(item))) for item in value))
    if isinstance(value, (list, tuple)):
        return (kind, *map(content, value))
    return (content(type(value)), _state(value, content))


def _state(value: Any, content: Callable[[Any], Any]) -> Any:
    """Returns the content of what an object holds."""
    if hasattr(value, "__array__"):
        return np.asarray(value)
    if hasattr(value, "get_config"):
        # Keras numbers the names of objects that are given none.
        return content({key: item for key, item in value.get_config().items() if key != "name"})
    if hasattr(value, "__dict__"):
        return content(vars(value))
    try:
        return joblib.hash(value)
    except Exception:  # noqa: BLE001  What pickling an object raises depends on the object.
        raise TypeError(f"{value!r}, of type {_name(type(value))}") from None


def _name(value: Any) -> str:
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    if name is None:
        return _name(type(value))
    return f"{getattr(value, '__module__', None) or ''}.{name}".removeprefix("builtins.").strip(".")


def _is_installed(value: Any) -> bool:
    """Whether code is Python's, of a package, or built in."""
    try:
        file = pathlib.Path(inspect.getfile(value))
    except TypeError:
        return True
    return any(file.is_relative_to(folder) for folder in _INSTALLED)


def _source(value: Any) -> str:
    """Returns the source of the user's code; of other code, and where there is no source, ""."""
    try:
        return "" if _is_installed(value) else inspect.getsource(value)
    except OSError:
        return ""


def _values_of(function: types.FunctionType) -> tuple[Any, ...]:
    """Returns the values that a function has besides its code."""
    captured = [cell.cell_contents for cell in function.__closure__ or ()]
    return function.__defaults__, function.__kwdefaults__, captured
