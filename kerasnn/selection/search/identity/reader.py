"""What an object says, read to the end."""

import hashlib
import random
import sys
import types
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn.callbacks.resume.fingerprint import describe
from kerasnn.selection.search.identity.installed import is_installed, is_own, version
from kerasnn.selection.search.identity.mentions import cells, mentions
from kerasnn.selection.search.identity.parts import (
    DESCRIPTORS,
    PLAIN,
    WRAPPERS,
    name,
    parts,
    state,
    unsaid,
    words,
)

_ARRAYS = (np.generic, tf.Tensor, tf.Variable, keras.Variable)
# Of a class or module, what Python adds to what is written.
_ADDED = ("__dict__", "__weakref__", "__annotate__", "__annotate_func__", "_abc_impl")
# The generators of the process, which are seeded for each model.
_PROCESS = (random.seed.__self__, np.random.normal.__self__)
# Longer texts are given by their digest.
_LONGEST = 60
_DEEPEST = 60


class Reader:
    """Reads objects to the end.

    Functions, classes and modules, which may use each other in a ring, are numbered as they are
    met, and read one after the other. What an object is inside of it names by its place.

    Attributes:
        names: Of all that is installed and was met.
    """

    def __init__(self, outer: "Reader | None" = None) -> None:
        self.names: set[str] = set() if outer is None else outer.names
        self._within: list[Any] = [] if outer is None else list(outer._within)
        # By identity, with the object, so that no other takes its place.
        self._known: dict[int, tuple[Any, str]] = {} if outer is None else dict(outer._known)
        self._waiting: list[Any] = []

    def all(self, value: Any) -> str:
        """Returns a digest of an object and of all code that it leads to."""
        texts = [self.read(value)]
        while self._waiting:
            thing = self._waiting.pop(0)
            if isinstance(thing, types.FunctionType):
                texts.append(self._function(thing))
            else:
                texts.append(self._class(thing) if isinstance(thing, type) else self._module(thing))
        return _digest("\n".join(texts))

    def read(self, value: Any) -> str:
        """Returns what an object says, in short."""
        if type(value) in PLAIN:
            return f"{type(value).__name__}:{value!r}"
        if id(value) in self._known:
            return self._known[id(value)][1]
        for i, outer in enumerate(self._within):
            if outer is value:
                return f"above {i}"
        if len(self._within) > _DEEPEST:
            raise TypeError(f"{words(self._within[0])}, which goes too deep")
        self._within.append(value)
        try:
            text = self._kind(value)
        finally:
            self._within.pop()
        text = text if len(text) <= _LONGEST else _digest(text)
        self._known[id(value)] = (value, text)
        return text

    def _kind(self, value: Any) -> str:
        kind = type(value)
        if isinstance(value, types.ModuleType):
            if not is_own(value):
                return self._installed(value.__name__)
            self._waiting.append(value)
            return f"{value.__name__} {len(self._known)}"
        if isinstance(value, (type, types.FunctionType)):
            if _is_found(value):
                return self._installed(name(value))
            self._waiting.append(value)
            return f"{name(value)} {len(self._known)}"
        if any(value is generator for generator in _PROCESS):
            return "generator of the process"
        if kind is np.ndarray or isinstance(value, _ARRAYS):
            try:
                array = np.asarray(value)
            except Exception:  # noqa: BLE001  A handle, of a dataset or a table, has no numbers.
                raise unsaid(value) from None
            return self._array(array)
        if isinstance(value, dict) and _is_bare(kind):
            pairs = [f"{self.read(k)}={self.read(v)}" for k, v in value.items()]
            return f"{name(kind)}{{{', '.join(pairs)}}}"
        if isinstance(value, (list, tuple)) and _is_bare(kind):
            return f"{name(kind)}({', '.join(map(self.read, value))})"
        if isinstance(value, (set, frozenset)):
            # In no order: each is read as if it were the first.
            texts = sorted(type(self)(self).all(part) for part in value)
            return f"{self.read(kind)}{texts}{self.read(state(value))}"
        if isinstance(value, types.MethodType):
            return f"method{self.read((value.__self__, value.__func__))}"
        if isinstance(value, types.BuiltinFunctionType):
            return f"{self.read(value.__self__)}.{value.__qualname__}"
        return self._object(value)

    def _object(self, value: Any) -> str:
        return f"{self.read(type(value))}{self.read(parts(value))}"

    def _installed(self, path: str) -> str:
        self.names.add(path)
        return f"{path} {version(path)}"

    def _array(self, array: np.ndarray) -> str:
        if array.dtype.hasobject:
            return f"objects{array.shape}{self.read(array.tolist())}"
        return f"{array.dtype}{describe(array)}"

    def _class(self, kind: type) -> str:
        return f"{name(kind)}{self.read((type(kind), kind.__bases__, _written(kind)))}"

    def _module(self, module: types.ModuleType) -> str:
        # Its parts that are modules too come in the order in which they were first imported.
        own = dict(sorted(_written(module).items()))
        return f"{module.__name__}{self.read((type(module), own))}"

    def _function(self, function: types.FunctionType) -> str:
        code, used = function.__code__, cells(function)
        if not is_installed(_home(function)):
            used = {k: v for k, v in used.items() if not is_own(v)} | mentions(function)
            self.names.update(text for text in used.values() if isinstance(text, str))
        more = (function.__defaults__, function.__kwdefaults__, used, vars(function))
        return f"{name(function)}{self._code(code)}{self.read(more)}"

    def _code(self, code: types.CodeType) -> str:
        consts = [
            self._code(const) if isinstance(const, types.CodeType) else self.read(const)
            for const in code.co_consts
        ]
        return f"{code.co_code.hex()}{consts}{code.co_names}{code.co_varnames}"


class CodeReader(Reader):
    """Reads functions and the user's classes, but nothing that may be large."""

    def _array(self, array: np.ndarray) -> str:
        return array.dtype.name

    def _object(self, value: Any) -> str:
        has_code = isinstance(value, WRAPPERS) or hasattr(value, "__wrapped__")
        if has_code or not is_installed(str(type(value).__module__)):
            return super()._object(value)
        return self.read(type(value))


def _home(function: types.FunctionType) -> str:
    """Returns the module that the code is in; a wrapper is called by the module of another."""
    return str(function.__globals__.get("__name__"))


def _written(thing: Any) -> dict[str, Any]:
    """Returns what a class or module holds, without what Python adds to it."""
    return {
        k: v
        for k, v in vars(thing).items()
        if k not in _ADDED and (not k.startswith("__") or isinstance(v, DESCRIPTORS))
    }


def _is_bare(kind: type) -> bool:
    """Whether a container is nothing but its items."""
    return kind in (dict, list, tuple) or kind.__module__.startswith(("keras.", "tensorflow."))


def _is_found(thing: Any) -> bool:
    """Whether a class is installed, or a function is found by its name in an installed module."""
    if isinstance(thing, type):
        return is_installed(str(thing.__module__))
    for home in {str(thing.__module__), _home(thing)}:
        found: Any = sys.modules.get(home)
        for part in thing.__qualname__.split("."):
            found = getattr(found, part, None)
        if found is thing and is_installed(home):
            return True
    return False


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
