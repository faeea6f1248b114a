"""What makes up an object, beside its class."""

import copyreg
import functools
import re
import sys
import types
import weakref
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn.callbacks.resume.fingerprint import of_model
from kerasnn.selection.search.identity.installed import is_installed

PLAIN = (type(None), bool, int, float, complex, str, bytes, range, slice, type(...))
# Of a class, what code is in; and what else holds code.
DESCRIPTORS = (types.FunctionType, property, staticmethod, classmethod)
_PROGRAM = tf.types.experimental.PolymorphicFunction
WRAPPERS = (*DESCRIPTORS, functools.cached_property, functools.partial, _PROGRAM)
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


def parts(value: Any) -> Any:
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
    if isinstance(value, _PROGRAM):
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
    except Exception:  # noqa: BLE001  What an object does to be pickled is its own.
        raise unsaid(value) from None
    if isinstance(reduced, str):
        # A pickle has the name alone, of a function with a cache, for example.
        return reduced, state(value)
    return [list(part) if isinstance(part, Iterator) else part for part in reduced]


def _configuration(value: Any) -> Any:
    """Returns what Keras would save, and what of its attributes it would not."""
    try:
        config = {k: v for k, v in value.get_config().items() if k != "name"}
    except NotImplementedError:
        raise unsaid(value) from None
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
    told = (*PLAIN, np.ndarray, types.FunctionType, functools.partial)
    return type(value) in told or not is_installed(str(type(value).__module__))


def _table(value: Any) -> Any:
    """Returns the contents of a data frame, a series or an index of pandas, in no layout."""
    columns = [value.iloc[:, i] for i in range(value.shape[1])] if value.ndim == 2 else [value]
    held = [(str(c.dtype), getattr(c.dtype, "categories", None), c.to_numpy()) for c in columns]
    if not hasattr(value, "index"):
        return held, list(value.names)
    return held, value.index, value.columns if value.ndim == 2 else value.name


def unsaid(value: Any) -> TypeError:
    """Returns the error of an object that has no content to compare."""
    return TypeError(f"{words(value)}, of type {name(type(value))}")


def words(value: Any) -> str:
    """Returns an object's text without the address that it has in this process.

    >>> words(words)
    '<function words>'
    """
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


def state(value: Any) -> Any:
    """Returns the attributes of an object, or None."""
    return getattr(value, "__dict__", None)


def name(thing: Any) -> str:
    """Returns what a class or function is called, with its module."""
    return f"{thing.__module__}.{thing.__qualname__}"
