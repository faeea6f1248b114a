"""Linear separability, of classes for which it is known."""

import numpy as np
import pytest

from kerasnn import data
from kerasnn.doctor.rules.task import linearly_separable


@pytest.mark.parametrize(("name", "separable"), [("and", True), ("or", True), ("xor", False)])
def test_gates(name, separable):
    split = data.load(name)
    assert linearly_separable(split.x_train, split.y_train == 1) == separable


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_a_plane_with_a_narrow_margin_in_any_unit(scale):
    rng = np.random.default_rng(0)
    points = rng.normal(size=(200, 5))
    along = points @ np.ones(5)
    points += np.sign(along)[:, None] * 1e-3
    assert linearly_separable(points * scale, along > 0)
    mistaken = along > 0
    mistaken[np.argmax(along)] = False
    assert not linearly_separable(points * scale, mistaken)


def test_one_class_alone():
    points = np.random.default_rng(0).normal(size=(10, 2))
    assert linearly_separable(points, np.ones(10, bool))
