"""`regime` follows from the numbers of examples and classes."""

import pickle
from typing import Any

import pytest

from kerasnn.transfer import regime


@pytest.mark.parametrize(
    ("examples", "classes", "name", "reason"),
    [
        (120, 3, "small", "120 examples, 40 a class: fewer than 100 a class"),
        (999, 2, "small", "999 examples, 499 a class: fewer than 1,000 in all"),
        (1000, 2, "medium", "enough for the last block, too few for all layers"),
        (9999, 1, "medium", "9,999 examples, 9,999 a class: enough for the last block"),
        (10_000, 10, "large", "10,000 examples, 1,000 a class: at least 1,000 a class"),
        (10_000, 11, "medium", "909 a class"),
        (50_000, 1000, "small", "50 a class"),
    ],
)
def test_the_regime_follows_from_examples_and_classes(examples, classes, name, reason):
    found = regime(examples, classes)
    assert found == name
    assert reason in found.reason
    assert str(found) == f"{found}" == f"{name}: {found.reason}"


def test_the_limits_can_be_set():
    assert regime(300, 3, few=10, many=100) == "medium"
    assert regime(1000, 3, few=10, many=100) == "large"


def test_a_regime_is_a_name_and_can_be_kept():
    found = pickle.loads(pickle.dumps(regime(120, 3)))
    assert {"small": 1}[found] == 1
    assert found.reason == regime(120, 3).reason


@pytest.mark.parametrize(
    ("argument", "value"),
    [("n_examples", 0), ("n_classes", 0), ("n_examples", 10.5), ("few", 0), ("many", 50)],
)
def test_wrong_arguments(invalid, argument, value):
    arguments: Any = {"n_examples": 10, argument: value}
    with invalid(argument, value):
        regime(**arguments)
