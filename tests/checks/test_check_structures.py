"""How arrays in a structure find the inputs or outputs of a model."""

import re

import keras
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
    "too few": (FLAT, [1, 2], ALL, "`y` must hold 3 arrays, one for each of `a`, `b`, `c`; got 2."),
    "neither all nor what is required": (
        FLAT,
        [1],
        SOME,
        "`y` must hold 3 arrays, one for each of `a`, `b`, `c`, or one for each of `a`, `c`; got",
    ),
    "two for one": (A, [1, 2], (True,), "`y` must be one array, for `a`; got 2."),
    "a name too many": (
        FLAT,
        {"a": 1, "z": 2},
        ALL,
        "`y` holds 'z', which the model does not have.",
    ),
    "a name too few": (FLAT, {"a": 1}, SOME, "`y` lacks 'c'."),
    "None for what is required": (
        FLAT,
        [1, 2, None],
        SOME,
        "`y[2]` must hold data for `c`; got None.",
    ),
    "a part too few": (NESTED, {"e": 3}, SOME, "`y` lacks 'd'."),
    "a part of another size": (
        NESTED,
        {"d": (1,), "e": 3},
        ALL,
        "`y['d']` must hold 2 arrays, one for each of `a`, `b`; got 1.",
    ),
}


@pytest.mark.parametrize(("tensors", "nest", "required", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(tensors, nest, required, message):
    names = [tensor.name for tensor in keras.tree.flatten(tensors)]
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        _checks.match("y", nest, tensors, names, required)
