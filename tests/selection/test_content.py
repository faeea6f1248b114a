"""What a journal takes for the same search, and what for another."""

import functools
import importlib
import os
import pathlib
import subprocess
import sys
import threading
import types

import builds
import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import KFold

from kerasnn import callbacks, selection
from kerasnn.selection.search.identity.content import described, is_same, may_draw

SIZE = 4


def of_closure(units, again=None):
    def build(rate):
        return units, rate, again

    return build


def of_default(units):
    def build(rate=units):
        return rate

    return build


def of_global():
    return [SIZE for _ in range(3)]


class Kept(keras.callbacks.Callback):
    def __init__(self, period):
        super().__init__()
        self.period = period


def middle(changed):
    """An array whose text is shortened in the middle."""
    array = np.arange(5000)
    array[2500] = changed
    return array


def of_decorator(scale):
    def decorate(function):
        @functools.wraps(function)
        def scaled(rate):
            return scale * function(rate)

        return scaled

    return decorate(of_global)


def of_attribute(units):
    def build(rate):
        return rate

    vars(build)["units"] = units
    return build


def of_class(**parts):
    """A class of the same name each time."""
    return type("Settings", (), parts)


def of_property(units):
    return of_class(units=property(of_closure(units)))()


def of_caching(units):
    return functools.cache(of_closure(units))


def of_own_module(units):
    """A module that is in a ring with another, and has its own function and an installed one."""
    module, other = types.ModuleType("settings"), types.ModuleType("others")
    vars(module).update(other=other, closed=of_closure(4), keras=keras)
    vars(other).update(units=units, back=module)
    return module


class Row(list):
    pass


class Count(int):
    pass


class Slotted:
    __slots__ = ("units",)


class Open(Slotted):
    """It has slots and a dictionary."""


def told(kind, units):
    thing = kind()
    thing.units = units
    return of_closure(thing)


@pytest.mark.parametrize(
    ("make", "one", "other"),
    [
        (of_closure, 4, 64),
        (of_decorator, 1.0, 9.0),
        (of_attribute, 4, 64),
        (of_caching, 4, 64),
        (of_property, 4, 64),
        (lambda units: of_class(units=[units]), 4, 64),
        (lambda units: of_class(units=staticmethod(of_closure(units))), 4, 64),
        (lambda units: of_class(units=classmethod(of_closure(units))), 4, 64),
        (lambda units: of_class(__call__=of_closure(units))(), 4, 64),
        (lambda units: told(Row, units), 4, 64),
        (lambda units: told(Count, units), 4, 64),
        (lambda units: told(Slotted, units), 4, 64),
        (lambda units: told(Open, units), 4, 64),
        (lambda delta: of_closure(keras.losses.Huber(delta)), 0.1, 3.0),
        (lambda axis: of_closure(keras.losses.CosineSimilarity(axis=axis)), 0, 1),
        (lambda axis: of_closure(keras.losses.SparseCategoricalCrossentropy(axis=axis)), 0, 1),
        (of_own_module, 4, 64),
        (lambda units: functools.partial(of_default, units=of_own_module(units)), 4, 64),
        (lambda units: of_default(of_own_module(units)), 4, 64),
        (lambda units: of_closure([of_own_module(units)]), 4, 64),
        (lambda units: of_class(cfg=of_own_module(units)), 4, 64),
        (lambda units: told(Open, of_own_module(units)), 4, 64),
        (lambda units: pd.DataFrame({"units": [1, units], "name": ["a", None]}), 4, 64),
        (lambda name: pd.Series([1, 2], index=["a", name]), "b", "c"),
        (lambda mask: np.ma.array([1, 2], mask=mask), [0, 1], [1, 0]),
        (lambda units: of_closure(of_closure(units)), 4, 64),
        (of_default, 4, 64),
        (lambda square: (lambda x: x**2) if square else (lambda x: x), True, False),
        (lambda name: {"l2": lambda p: [p[name]]}, "a", "b"),
        (lambda patience: [callbacks.EarlyStopping(patience=patience)], 0, 10),
        (Kept, 1, 2),
        (middle, 0, 1),
        (lambda seed: KFold(3, shuffle=True, random_state=np.random.RandomState(seed)), 0, 1),
        (lambda average: make_scorer(f1_score, average=average), "macro", "micro"),
        (lambda rate: {"optimizer": [keras.optimizers.Adam(rate)]}, 0.1, 0.01),
        (lambda high: {"l2": selection.uniform(0, high)}, 1, 2),
    ],
)
def test_objects_are_told_apart_by_what_they_hold(make, one, other):
    assert is_same(described(make(one)), described(make(one)))
    assert not is_same(described(make(one)), described(make(other)))


def test_variables_of_a_module_count(monkeypatch):
    before = described(of_global)
    monkeypatch.setattr(sys.modules[__name__], "SIZE", 8)
    assert not is_same(described(of_global), before)


@pytest.mark.parametrize("name", ["of_module", "of_import", "of_name", "of_alias"])
def test_what_code_takes_from_a_module_of_ones_own_counts(name, monkeypatch):
    build = getattr(builds, name)
    before = described(build)
    assert is_same(described(build), before)
    settings = importlib.import_module("build_settings")
    monkeypatch.setattr(settings, "OTHER", 64)
    assert is_same(described(build), before)
    monkeypatch.setattr(settings, "UNITS", 64)
    assert not is_same(described(build), before)


def of_copy():
    one = two = builds.build_settings
    return one.units, two.units


def of_argument():
    return vars(builds.build_settings)["UNITS"]


def of_two():
    settings = builds
    settings = builds.build_settings
    return settings.UNITS


def of_inner():
    import build_settings as settings

    def inner():
        return vars(settings)

    return inner


def of_own_function(settings):
    def build(rate):
        def units():
            return settings.UNITS

        return units()

    return build


@pytest.mark.parametrize("build", [of_copy, of_argument, of_two, of_inner])
def test_a_module_that_is_handed_on_counts_whole(build, monkeypatch):
    settings = importlib.import_module("build_settings")
    before = described(build)
    assert is_same(described(build), before)
    monkeypatch.setattr(settings, "OTHER", 64)
    assert not is_same(described(build), before)


def test_a_module_of_which_parts_are_taken_may_hold_what_has_no_content(monkeypatch):
    settings = importlib.import_module("build_settings")
    build = of_own_function(settings)
    before = described(build)
    monkeypatch.setattr(settings, "LOCK", threading.Lock(), raising=False)
    assert is_same(described(build), before)
    with pytest.raises(TypeError, match=r"lock object>, of type _thread\.lock"):
        described(of_closure(settings))
    monkeypatch.setattr(settings, "UNITS", 64)
    assert not is_same(described(build), before)


def test_an_installed_module_counts_by_its_name(monkeypatch):
    before = described(of_closure(keras))
    monkeypatch.setattr(keras, "units", threading.Lock(), raising=False)
    assert is_same(described(of_closure(keras)), before)


def test_a_table_is_read_by_its_values(monkeypatch):
    """Pandas lays the same values out in one block or in several."""
    before = described(builds.of_table)
    blocks = pd.concat([builds.TABLE[["units"]], builds.TABLE[["layers"]]], axis=1)
    monkeypatch.setattr(builds, "TABLE", blocks)
    assert is_same(described(builds.of_table), before)
    monkeypatch.setattr(builds, "TABLE", builds.TABLE + 1)
    assert not is_same(described(builds.of_table), before)


@pytest.mark.slow
def test_another_process_says_the_same():
    """Texts have other hashes there, and objects other addresses."""
    script = str(pathlib.Path(builds.__file__))
    processes = [
        subprocess.Popen(
            [sys.executable, script],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": seed},
        )
        for seed in ("1", "2")
    ]
    one, other = (process.communicate(timeout=120)[0] for process in processes)
    assert one == other
    assert one.count("content") == len(builds.BUILDS)


def test_code_that_may_draw_is_told_by_what_it_mentions():
    def imports():
        from keras import random

        return [random.normal((2,)) for _ in range(3)]

    for build in (lambda: keras.random.normal((2,)), lambda: tf.random.normal((2,)), imports):
        assert may_draw(build)
        assert may_draw(of_closure(build))
    wrapped = (functools.cache(build), functools.partial(build), tf.function(build), Row([build]))
    for thing in (*wrapped, of_class(units=staticmethod(build))()):
        assert may_draw(of_closure(thing))
    assert not may_draw(lambda: (keras.Input((2,)), np.random.normal(), np.random.random()))
    assert not may_draw(of_closure(threading.Lock()))


def test_a_set_has_no_order():
    """As text it has one, which in another process may be another."""
    one, other = {0, 8}, {8, 0}
    assert repr(one) != repr(other)
    assert is_same(described([one]), described([other]))


def test_what_has_no_content_is_refused():
    for thing in (threading.Lock(), (i for i in "ab")):
        with pytest.raises(TypeError, match=", of type "):
            described([thing])
    with tf.device("cpu"):
        data = tf.data.Dataset.range(3)
        pairs = tf.lookup.KeyValueTensorInitializer(["a"], [1])
        things = (data, iter(data), tf.lookup.StaticHashTable(pairs, 0))
    for thing in things:
        with pytest.raises(TypeError, match=", of type "):
            described(of_closure(thing))
    with pytest.raises(TypeError, match="HeNormal object> without a seed"):
        described(of_closure(keras.initializers.HeNormal()))
    assert described(of_closure(keras.initializers.HeNormal(seed=1)))
