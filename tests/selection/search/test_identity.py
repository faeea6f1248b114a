"""Which arguments count as the same search when a journal is resumed."""

import contextlib
import functools
import pickle
import sys
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import KFold

from kerasnn import callbacks, models, selection
from kerasnn.selection.search.identity import identities, identity

SIZE = 4


def of_global(rate=0.1):
    return SIZE, rate


def of_closure(units):
    def build(rate):
        return units, rate

    return build


def of_default(units):
    def build(rate=units):
        return rate

    return build


def of_decorator(scale):
    def decorate(function):
        @functools.wraps(function)
        def scaled(rate):
            return scale * function(rate)

        return scaled

    return decorate(of_global)


class Settings:
    def __init__(self, units):
        self.units = units


class Period(keras.callbacks.Callback):
    def __init__(self, period):
        super().__init__()
        self.period = period


def middle(changed):
    """An array whose text is shortened in the middle."""
    array = np.arange(5000)
    array[2500] = changed
    return array


@pytest.mark.parametrize(
    ("make", "one", "other"),
    [
        (of_closure, 4, 64),
        (of_default, 4, 64),
        (of_decorator, 1, 2),
        (lambda units: contextlib.contextmanager(of_closure(units)), 4, 64),
        (Settings, 4, 64),
        (lambda units: Settings(units).__init__, 4, 64),
        (lambda units: of_closure(of_closure(units)), 4, 64),
        (lambda units: functools.partial(models.mlp, 2, hidden=units), 4, 64),
        (lambda patience: [callbacks.EarlyStopping(patience=patience)], 0, 10),
        (Period, 1, 2),
        (middle, 0, 1),
        (lambda one: {"a", one}, "b", "c"),
        (lambda seed: KFold(3, shuffle=True, random_state=np.random.RandomState(seed)), 0, 1),
        (lambda average: make_scorer(f1_score, average=average), "macro", "micro"),
        (lambda rate: {"optimizer": [keras.optimizers.Adam(rate)]}, 0.1, 0.01),
        (lambda high: {"l2": selection.uniform(0, high)}, 1, 2),
        (lambda text: text * 50, "a", "b"),
        (lambda value: [value], 1, 1.0),
    ],
)
def test_objects_are_compared_by_what_they_hold(make, one, other):
    assert identity(make(one)) == identity(make(one))
    assert identity(make(one)) != identity(make(other))


def test_functions_are_compared_by_their_source():
    def build(rate):  # pyright: ignore[reportRedeclaration]
        return rate

    first = identity(build)

    def build(rate):
        return 2 * rate

    assert identity(build) != first


def test_what_a_function_mentions_is_not_compared(monkeypatch):
    before = identity(of_global)
    monkeypatch.setattr(sys.modules[__name__], "SIZE", 8)
    assert identity(of_global) == before


def test_versions_of_python_and_packages_are_not_compared():
    """The digest is one that was noted before: it follows from names and values alone."""
    assert identity(0.5) == "0.5"
    values = [0.1, (1, None), {"a": np.arange(3.0), "b": "relu"}, {"x", "y"}]
    assert identity(values) == "list 992bb4b5ebd5c11941ad70beb2b8b2c0"


def test_functions_of_packages_count_by_their_names():
    """What their decorators hold need not be hashable."""
    assert identity(tf.random.normal) != identity(tf.random.uniform)
    assert identity(keras.random.normal) == identity(keras.random.normal)


def test_a_ring_of_objects_ends():
    ring = Settings(None)
    ring.units = [ring]
    assert identity(ring) == identity(pickle.loads(pickle.dumps(ring)))


def test_a_value_that_cannot_be_hashed_is_refused(invalid):
    lock = threading.Lock()
    with invalid("callbacks") as caught:
        identities({"epochs": 3, "callbacks": [Settings(lock)]})
    assert "_thread.lock" in str(caught.value)
