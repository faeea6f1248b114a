"""Functions that refer to many kinds of things: `python builds.py` prints what they are."""

import abc
import collections
import dataclasses
import enum
import functools
import random
import re
from typing import ClassVar

import build_settings
import keras
import numpy as np
import pandas as pd

from kerasnn.selection.search.identity.content import described

TABLE = pd.DataFrame({"units": [4, 8], "layers": [1, 2]})
NAMES = pd.DataFrame({"name": ["a", None], "kind": pd.Categorical(["u", "v"])}, index=["x", "y"])
LOSSES = (keras.losses.Huber(0.3), keras.optimizers.Adam(0.1), keras.metrics.AUC())


class Act(enum.Enum):
    RELU = "relu"
    TANH = "tanh"


@dataclasses.dataclass
class Settings:
    act: Act = Act.RELU
    names: frozenset = frozenset({"a", "b", "c"})
    counts: collections.Counter = dataclasses.field(default_factory=collections.Counter)


class Listed(abc.ABC):
    """Each of its classes knows all others."""

    known: ClassVar[set] = set()

    def __init_subclass__(cls):
        Listed.known.add(cls)

    @abc.abstractmethod
    def others(self) -> set:
        """Returns the other classes."""
        return self.known


class One(Listed):
    def others(self) -> set:
        return self.known - {One}


class Two(Listed):
    def others(self) -> set:
        return self.known - {Two}


class Node:
    def __init__(self, parent=None):
        self.parent, self.children = parent, set()


ROOT = Node()
ROOT.children |= {Node(ROOT) for _ in range(3)}


@functools.singledispatch
def halved(value):
    return value / 2


@halved.register
def _(value: int):
    return value // 2


def even(n):
    return n == 0 or odd(n - 1)


def odd(n):
    return n != 0 and even(n - 1)


BOTH = {even, odd}
DRAWN = (np.random.RandomState(3), np.random.default_rng(3), random.Random(3))


def of_module(rate):
    return build_settings.UNITS


def of_import(rate):
    import build_settings as settings

    return [settings.UNITS for _ in range(2)]


def of_name(rate):
    from build_settings import units

    return units()


def of_alias(rate):
    settings = build_settings
    return settings.units()


def of_table(rate):
    return TABLE["units"].sum()


def of_tables(rate):
    return TABLE, NAMES, NAMES["kind"]


def of_objects(rate):
    return Settings(), Act.TANH, LOSSES, {"p", "q", "r"}, re.compile("a"), np.exp, DRAWN


def of_rings(rate):
    return Listed.known, ROOT, BOTH, even(3), halved(3)


def of_process(rate):
    return np.random.normal(), random.random(), keras.layers.Dense(3)


BUILDS = [of_module, of_import, of_name, of_alias, of_tables, of_objects, of_rings, of_process]

if __name__ == "__main__":
    for build in BUILDS:
        print(described(build))
