"""What an object is, in words that are equal in two processes only where it is the same."""

import dataclasses
import functools
import hashlib
import re
import sys
import sysconfig
import types
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn.callbacks.fingerprints import of_model

_PLAIN = (type(None), bool, int, float, complex, str, bytes, range, slice, type(...))
_INSTALLED = tuple({sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")})
# They hold more than their configuration, but say no more by it.
_CONFIGURED = (
    keras.Optimizer,
    keras.Loss,
    keras.Metric,
    keras.Regularizer,
    keras.Initializer,
    keras.optimizers.schedules.LearningRateSchedule,
)
_SHOWN = 60
_MARK = " (content "
_DEEPEST = 30


def described(value: Any, text: str | None = None) -> str:
    """Returns an object's text, with a digest of what the text does not say.

    Arrays count by their numbers, functions by their code, defaults and the variables that they
    use, other objects by their class and attributes.

    Raises:
        TypeError: If some part of it, which the text names, has no content to compare.

    >>> described(0.5)
    '0.5'
    """
    text = words(value) if text is None else text
    if isinstance(value, _PLAIN) and len(text) <= _SHOWN:
        return text
    digest = hashlib.sha256(_Reader().read(value).encode()).hexdigest()[:16]
    short = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    return f"{short}{_MARK}{digest})"


def is_same(one: str, other: str) -> bool:
    """Whether two descriptions are of the same; of a set the text has no order."""
    return one.rpartition(_MARK)[2] == other.rpartition(_MARK)[2]


def words(value: Any) -> str:
    """Returns an object's text without the address that it has in this process.

    >>> words(words)
    '<function words>'
    """
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


class _Reader:
    """Reads objects to the end; what it is inside of it names by its place."""

    def __init__(self) -> None:
        self._within: list[Any] = []
        # Of functions and classes, which may use each other many times.
        self._known: dict[int, str] = {}

    def read(self, value: Any) -> str:
        """Returns all that an object says."""
        if isinstance(value, _PLAIN):
            return f"{type(value).__name__}:{value!r}"
        for i, outer in enumerate(self._within):
            if outer is value:
                return f"above {i}"
        if len(self._within) > _DEEPEST:
            raise TypeError(f"{words(self._within[0])}, which goes too deep")
        self._within.append(value)
        try:
            return self._kind(value)
        finally:
            self._within.pop()

    def _kind(self, value: Any) -> str:
        if isinstance(value, np.ndarray | np.generic | tf.Tensor | tf.Variable | keras.Variable):
            return self._array(np.asarray(value))
        if isinstance(value, dict):
            pairs = [f"{self.read(k)}={self.read(v)}" for k, v in value.items()]
            return f"{_name(type(value))}{{{', '.join(pairs)}}}"
        if isinstance(value, list | tuple):
            return f"{_name(type(value))}({', '.join(map(self.read, value))})"
        if isinstance(value, set | frozenset):
            return f"{_name(type(value))}({', '.join(sorted(map(self.read, value)))})"
        if isinstance(value, types.ModuleType):
            return value.__name__
        if isinstance(value, (type, types.FunctionType)):
            if id(value) not in self._known:
                read: Any = self._class if isinstance(value, type) else self._function
                self._known[id(value)] = read(value)
            return self._known[id(value)]
        if isinstance(value, functools.partial):
            return f"partial{self.read((value.func, value.args, value.keywords))}"
        if isinstance(value, types.MethodType):
            return f"method{self.read((value.__self__, value.__func__))}"
        if isinstance(value, types.BuiltinFunctionType):
            return f"{self.read(value.__self__)}.{value.__qualname__}"
        return self._object(value)

    def _array(self, array: np.ndarray) -> str:
        if array.dtype == object:
            return f"objects{array.shape}{self.read(array.tolist())}"
        digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
        return f"{array.dtype}{array.shape}{digest}"

    def _class(self, kind: type) -> str:
        if _is_installed(kind):
            return _name(kind)
        parts = {
            k: v for k, v in vars(kind).items() if not (k.startswith("__") and k != "__init__")
        }
        own = {k: v for k, v in parts.items() if isinstance(v, (types.FunctionType, *_PLAIN))}
        bases = [self.read(base) for base in kind.__bases__]
        return f"{_name(kind)}{bases}{self.read(own)}"

    def _function(self, function: types.FunctionType) -> str:
        inner = getattr(function, "__wrapped__", None)
        if inner is not None:
            return f"wrapped {self.read(inner)}"
        if _is_installed(function) and not function.__closure__:
            return _name(function)
        used: dict[str, Any] = {}
        for name, cell in zip(
            function.__code__.co_freevars, function.__closure__ or (), strict=True
        ):
            try:
                used[name] = cell.cell_contents
            except ValueError:
                # A name that is set later.
                used[name] = None
        if not _is_installed(function):
            used |= self._globals(function, function.__code__)
        parts = (function.__defaults__, function.__kwdefaults__, used)
        return f"{_name(function)}{self._code(function.__code__)}{self.read(parts)}"

    def _globals(self, function: types.FunctionType, code: types.CodeType) -> dict[str, str]:
        """Returns the variables of its module that a function uses."""
        known = function.__globals__
        # A name may be that of an attribute, which has nothing to do with the variable.
        found = {n: self._or_type(known[n]) for n in code.co_names if n in known}
        for const in code.co_consts:
            if isinstance(const, types.CodeType):
                found |= self._globals(function, const)
        return found

    def _or_type(self, value: Any) -> str:
        try:
            return self.read(value)
        except TypeError:
            return _name(type(value))

    def _code(self, code: types.CodeType) -> str:
        consts = [
            self._code(const) if isinstance(const, types.CodeType) else self.read(const)
            for const in code.co_consts
        ]
        return f"{code.co_code.hex()}{consts}{code.co_names}{code.co_varnames}"

    def _object(self, value: Any) -> str:
        kind = self.read(type(value))
        if isinstance(value, keras.Model):
            return f"{kind}{self.read((of_model(value), value.get_weights()))}"
        if isinstance(value, keras.Layer):
            return f"{kind}{self.read((_config(value), value.get_weights()))}"
        if isinstance(value, _CONFIGURED) and _is_installed(type(value)):
            return f"{kind}{self.read(_config(value))}"
        if dataclasses.is_dataclass(value):
            parts: Any = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        elif hasattr(value, "__dict__"):
            parts = vars(value)
        else:
            try:
                parts = value.__reduce_ex__(4)
            except TypeError:
                raise TypeError(f"{words(value)}, of type {_name(type(value))}") from None
        return f"{kind}{self.read(parts)}"


def _config(value: Any) -> dict[str, Any]:
    """Returns a configuration without the name, which Keras counts on."""
    return {k: v for k, v in value.get_config().items() if k != "name"}


def _name(thing: Any) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"


def _is_installed(thing: Any) -> bool:
    """Whether a class or function is of Python, of kerasnn, or of a package beside it."""
    module = str(thing.__module__)
    if module.partition(".")[0] == "kerasnn" or module == "builtins":
        return True
    path = getattr(sys.modules.get(module), "__file__", None)
    return path is not None and path.startswith(_INSTALLED)
