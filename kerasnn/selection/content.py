"""What an object is, in words that are equal in two processes only where it is the same."""

import copyreg
import functools
import hashlib
import pickle
import random
import re
import sys
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn.callbacks.fingerprints import of_model
from kerasnn.selection.installed import is_installed, version
from kerasnn.selection.mentions import cells, mentions

_PLAIN = (type(None), bool, int, float, complex, str, bytes, range, slice, type(...))
_ARRAYS = (np.generic, tf.Tensor, tf.Variable, keras.Variable)
# They hold more than they say, such as variables with counted names.
_CONFIGURED = (
    keras.Optimizer,
    keras.Loss,
    keras.Metric,
    keras.Operation,
    keras.Regularizer,
    keras.Initializer,
    keras.optimizers.schedules.LearningRateSchedule,
)
# What they hold is another's.
_WEAK = (weakref.ref, weakref.WeakKeyDictionary, weakref.WeakValueDictionary, weakref.WeakSet)
# Of a class, what Python adds to what is written.
_ADDED = ("__dict__", "__weakref__", "__annotate__", "__annotate_func__", "_abc_impl")
_DESCRIPTORS = (types.FunctionType, property, staticmethod, classmethod)
# The generators of the process, which are seeded for each model.
_PROCESS = (random.seed.__self__, np.random.normal.__self__)
_DRAWING = re.compile(r"(keras|tensorflow)\b.*\.random(_(?!initializers)\w+)?\b")
_SHOWN = 60
_MARK = " (content "
_DEEPEST = 60


def described(value: Any, text: str | None = None) -> str:
    """Returns an object's text, with a digest of what the text does not say.

    Arrays count by their numbers, functions by their code, defaults and the variables that they
    use, other objects by their class and by what a pickle of them would hold. What is installed
    counts by its name and version.

    Raises:
        TypeError: If some part of it, which the text names, has no content to compare.

    >>> described(0.5)
    '0.5'
    """
    text = words(value) if text is None else text
    if type(value) in _PLAIN and len(text) <= _SHOWN:
        return text
    digest = _Reader().all(value)[:16]
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


def may_draw(build: Callable[..., Any]) -> bool:
    """Whether the code of a function mentions `keras.random` or `tf.random`, or is hidden."""
    reader = _Reader()
    try:
        reader.all(build)
    except TypeError:
        return True
    return any(map(_DRAWING.match, reader.names))


class _Reader:
    """Reads objects to the end.

    Functions and classes, which may use each other in a ring, are numbered as they are met, and
    read one after the other. What an object is inside of it names by its place.

    Attributes:
        names: Of all that is installed and was met.
    """

    def __init__(self, outer: "_Reader | None" = None) -> None:
        self.names: set[str] = set() if outer is None else outer.names
        self._within: list[Any] = [] if outer is None else list(outer._within)
        # By identity, with the object, so that no other takes its place.
        self._known: dict[int, tuple[Any, str]] = {} if outer is None else dict(outer._known)
        self._waiting: list[Any] = []

    def all(self, value: Any) -> str:
        """Returns a digest of an object and all functions and classes that it leads to."""
        texts = [self.read(value)]
        while self._waiting:
            thing = self._waiting.pop(0)
            texts.append(self._class(thing) if isinstance(thing, type) else self._function(thing))
        return _digest("\n".join(texts))

    def read(self, value: Any) -> str:
        """Returns what an object says, in short."""
        if type(value) in _PLAIN:
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
        text = text if len(text) <= _SHOWN else _digest(text)
        self._known[id(value)] = (value, text)
        return text

    def _kind(self, value: Any) -> str:
        kind = type(value)
        if isinstance(value, types.ModuleType):
            return self._installed(value.__name__)
        if isinstance(value, (type, types.FunctionType)):
            if _is_found(value):
                return self._installed(_name(value))
            self._waiting.append(value)
            return f"{_name(value)} {len(self._known)}"
        if any(value is generator for generator in _PROCESS):
            return "generator of the process"
        if kind is np.ndarray or isinstance(value, _ARRAYS):
            return self._array(np.asarray(value))
        if isinstance(value, (dict, list, tuple)) and _is_bare(kind):
            pairs = value.items() if isinstance(value, dict) else ()
            parts = [f"{self.read(k)}={self.read(v)}" for k, v in pairs] or map(self.read, value)
            return f"{_name(kind)}({', '.join(parts)})"
        if isinstance(value, (set, frozenset)):
            # In no order: each is read as if it were the first.
            parts = sorted(_Reader(self).all(part) for part in value)
            return f"{self.read(kind)}{parts}{self.read(_state(value))}"
        if isinstance(value, types.MethodType):
            return f"method{self.read((value.__self__, value.__func__))}"
        if isinstance(value, types.BuiltinFunctionType):
            return f"{self.read(value.__self__)}.{value.__qualname__}"
        return f"{self.read(kind)}{self.read(_parts(value))}"

    def _installed(self, name: str) -> str:
        self.names.add(name)
        return f"{name} {version(name)}"

    def _array(self, array: np.ndarray) -> str:
        if array.dtype.hasobject:
            return f"objects{array.shape}{self.read(array.tolist())}"
        digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
        return f"{array.dtype}{array.shape}{digest}"

    def _class(self, kind: type) -> str:
        own = {
            k: v
            for k, v in vars(kind).items()
            if k not in _ADDED and (not k.startswith("__") or isinstance(v, _DESCRIPTORS))
        }
        return f"{_name(kind)}{self.read((type(kind), kind.__bases__, own))}"

    def _function(self, function: types.FunctionType) -> str:
        code, used = function.__code__, cells(function)
        if not is_installed(_home(function)):
            used |= mentions(function)
            self.names.update(text for text in used.values() if isinstance(text, str))
        parts = (function.__defaults__, function.__kwdefaults__, used, vars(function))
        return f"{_name(function)}{self._code(code)}{self.read(parts)}"

    def _code(self, code: types.CodeType) -> str:
        consts = [
            self._code(const) if isinstance(const, types.CodeType) else self.read(const)
            for const in code.co_consts
        ]
        return f"{code.co_code.hex()}{consts}{code.co_names}{code.co_varnames}"


def _parts(value: Any) -> Any:
    """Returns what makes up an object, beside its class.

    Raises:
        TypeError: If it does not say.
    """
    pandas = sys.modules.get("pandas")
    if isinstance(value, keras.Model):
        return of_model(value), value.get_weights()
    if isinstance(value, _CONFIGURED):
        return _configuration(value)
    if isinstance(value, property):
        return value.fget, value.fset, value.fdel
    if isinstance(value, (staticmethod, classmethod)):
        return value.__func__
    if isinstance(value, functools.cached_property):
        return value.func
    if isinstance(value, tf.types.experimental.PolymorphicFunction):
        return value.python_function
    if pandas and isinstance(value, (pandas.DataFrame, pandas.Series, pandas.Index)):
        return _table(value)
    if isinstance(value, types.MappingProxyType):
        return dict(value)
    if isinstance(value, _WEAK):
        return None
    reduce = copyreg.dispatch_table.get(type(value), lambda value: value.__reduce_ex__(4))
    try:
        reduced = reduce(value)
    except (NotImplementedError, TypeError, ValueError, pickle.PicklingError):
        raise _unsaid(value) from None
    if isinstance(reduced, str):
        # A pickle has the name alone, of a function with a cache, for example.
        return reduced, _state(value)
    return [list(part) if isinstance(part, Iterator) else part for part in reduced]


def _configuration(value: Any) -> Any:
    """Returns what Keras would save, and what of its attributes it would not."""
    try:
        config = {k: v for k, v in value.get_config().items() if k != "name"}
    except NotImplementedError:
        raise _unsaid(value) from None
    if isinstance(value, keras.Layer):
        return config, value.get_weights()
    own = {k: v for k, v in vars(value).items() if k.strip("_") != "name" and _is_said(v)}
    if isinstance(value, keras.Initializer) and "seed" in own and config.get("seed") is None:
        raise TypeError(f"{words(value)} without a seed, which is another in each process")
    return config, own


def _is_said(value: Any) -> bool:
    """Whether a value, within an object of Keras's, is one that it was told."""
    if type(value) in (dict, list, tuple):
        return all(map(_is_said, value.values() if isinstance(value, dict) else value))
    told = (*_PLAIN, np.ndarray, types.FunctionType, functools.partial)
    return type(value) in told or not is_installed(str(type(value).__module__))


def _table(value: Any) -> Any:
    """Returns the contents of a data frame, a series or an index of pandas, in no layout."""
    columns = [value.iloc[:, i] for i in range(value.shape[1])] if value.ndim == 2 else [value]
    parts = [(str(c.dtype), getattr(c.dtype, "categories", None), c.to_numpy()) for c in columns]
    if not hasattr(value, "index"):
        return parts, list(value.names)
    return parts, value.index, value.columns if value.ndim == 2 else value.name


def _unsaid(value: Any) -> TypeError:
    return TypeError(f"{words(value)}, of type {_name(type(value))}")


def _state(value: Any) -> Any:
    return getattr(value, "__dict__", None)


def _name(thing: Any) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"


def _home(function: types.FunctionType) -> str:
    """Returns the module that the code is in; a wrapper is called by the module of another."""
    return str(function.__globals__.get("__name__"))


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
