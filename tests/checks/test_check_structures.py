"""How arrays in a structure find the inputs or outputs of a model."""

import keras
import numpy as np
import pytest

from kerasnn import _checks

A, B, C = (keras.KerasTensor((None, 1), name=name) for name in "abc")
FLAT, BY_NAME, NESTED = [A, B, C], {"c": C, "a": A, "b": B}, {"d": (A, B), "e": C}
ALL, SOME = (True, True, True), (True, False, True)

PAIRS = {
    "a list": (FLAT, [1, 2, 3], ALL, {"[0]": 1, "[1]": 2, "[2]": 3}),
    "a list with None": (FLAT, [1, None, 3], SOME, {"[0]": 1, "[2]": 3}),
    "a list of what is required": (FLAT, [1, 3], SOME, {"[0]": 1, "[1]": 3}),
    "names for a list": (FLAT, {"c": 3, "a": 1}, SOME, {"['a']": 1, "['c']": 3}),
    "names for a list, with None": (
        FLAT,
        {"c": 3, "b": None, "a": 1},
        SOME,
        {"['a']": 1, "['c']": 3},
    ),
    "names": (BY_NAME, {"a": 1, "b": 2, "c": 3}, ALL, {"['a']": 1, "['b']": 2, "['c']": 3}),
    "a list for names goes by the alphabet": (
        BY_NAME,
        [1, 2, 3],
        ALL,
        {"[0]": 1, "[1]": 2, "[2]": 3},
    ),
    "one array": (A, 1, (True,), {"": 1}),
    "a list of one": (A, [1], (True,), {"[0]": 1}),
    "an array for a list of one": ([A], 1, (True,), {"": 1}),
    "the one array that is required": (FLAT, 2, (False, True, False), {"": 2}),
    "a nested structure": (
        NESTED,
        {"d": [1, 2], "e": 3},
        ALL,
        {"['d'][0]": 1, "['d'][1]": 2, "['e']": 3},
    ),
    "a nested structure with None": (
        NESTED,
        {"d": (1, None), "e": 3},
        SOME,
        {"['d'][0]": 1, "['e']": 3},
    ),
    "a part of a structure left out": (
        NESTED,
        {"d": (1, 2)},
        (1, 1, 0),
        {"['d'][0]": 1, "['d'][1]": 2},
    ),
    "a flat list for a nested structure": (
        [[A, B], C],
        [1, 2, 3],
        ALL,
        {"[0]": 1, "[1]": 2, "[2]": 3},
    ),
}


@pytest.mark.parametrize(("tensors", "nest", "required", "wanted"), PAIRS.values(), ids=PAIRS)
def test_arrays_find_their_tensor(tensors, nest, required, wanted):
    names = [tensor.name for tensor in keras.tree.flatten(tensors)]
    found = _checks.match("y", nest, tensors, names, required)
    assert {leaf.removeprefix("y"): array for leaf, array, _ in found} == wanted
    # In these examples 1 belongs to a, 2 to b and 3 to c.
    assert all(tensor.name == "abc"[array - 1] for _, array, tensor in found)


REFUSED = {
    "too few": (FLAT, [1, 2], ALL, "y"),
    "neither all nor what is required": (
        FLAT,
        [1],
        SOME,
        "y",
    ),
    "two for one": (A, [1, 2], (True,), "y"),
    "a name too many": (
        FLAT,
        {"a": 1, "z": 2},
        ALL,
        "y",
    ),
    "a name too few": (FLAT, {"a": 1}, SOME, "y"),
    "None for what is required": (
        FLAT,
        [1, 2, None],
        SOME,
        "y[2]",
    ),
    "a part too few": (NESTED, {"e": 3}, SOME, "y"),
    "a part of another size": (
        NESTED,
        {"d": (1,), "e": 3},
        ALL,
        "y['d']",
    ),
}


@pytest.mark.parametrize(("tensors", "nest", "required", "argument"), REFUSED.values(), ids=REFUSED)
def test_invalid_arguments(invalid, tensors, nest, required, argument):
    names = [tensor.name for tensor in keras.tree.flatten(tensors)]
    with invalid(argument):
        _checks.match("y", nest, tensors, names, required)


def test_single_steps_in_the_place_of_windows(invalid):
    x = np.arange(10.0).reshape(5, 2)
    with invalid("x", (5, 2)) as caught:
        _checks.fits_input("x", x, keras.KerasTensor((None, 3, 2)))
    windows = eval(caught.value.hint.split("`")[1], {"np": np, "x": x})
    assert windows.tolist() == [x[i : i + 3].tolist() for i in range(3)]
