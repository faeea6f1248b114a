"""What a journal takes for the same search, and what for another."""

import sys
import threading

import keras
import numpy as np
import pytest
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import KFold

from kerasnn import callbacks, selection
from kerasnn.selection.content import described, is_same

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


@pytest.mark.parametrize(
    ("make", "one", "other"),
    [
        (of_closure, 4, 64),
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


def test_a_set_has_no_order():
    """As text it has one, which in another process may be another."""
    one, other = {0, 8}, {8, 0}
    assert repr(one) != repr(other)
    assert is_same(described([one]), described([other]))


def test_what_has_no_content_is_refused():
    for thing in (threading.Lock(), (i for i in "ab")):
        with pytest.raises(TypeError, match=", of type "):
            described([thing])
