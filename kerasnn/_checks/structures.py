"""Checks that arrays have the structure and the shapes of a model's inputs or outputs."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from kerasnn._checks.arguments import did_you_mean
from kerasnn._checks.arrays import past_steps
from kerasnn._checks.conversion import no_rows
from kerasnn._checks.errors import InvalidArgument


def flatten(nest: Any) -> list[Any]:
    """Returns the leaves of a nested structure in Keras's order."""
    # Keras is imported late, since the command line predicts without it.
    from keras import tree

    return tree.flatten(nest)


def is_nested(nest: Any) -> bool:
    """Whether Keras takes it for a nested structure, and not for a leaf."""
    from keras import tree

    return tree.is_nested(nest)


def named_leaves(name: str, nest: Any) -> list[tuple[str, Any]]:
    """Returns every array of a nested structure with the name an error calls it by.

    >>> named_leaves("x", {"a": 1, "b": [2, 3]})
    [("x['a']", 1), ("x['b'][0]", 2), ("x['b'][1]", 3)]
    """
    if isinstance(nest, dict):
        return [leaf for key in nest for leaf in named_leaves(f"{name}[{key!r}]", nest[key])]
    if isinstance(nest, (list, tuple)):
        return [leaf for i, n in enumerate(nest) for leaf in named_leaves(f"{name}[{i}]", n)]
    return [] if nest is None else [(name, nest)]


def row_count(leaves: list[tuple[str, Any]]) -> int:
    """Returns the number of rows that all arrays share; raises where they differ."""
    for name, array in leaves:
        if array.ndim == 0:
            raise no_rows(name, array.item() if isinstance(array, np.ndarray) else array)
        if array.size == 0:
            got = f"shape {array.shape}"
            raise InvalidArgument(name, "hold at least one row", array, got=got)
    same_counts({name: len(array) for name, array in leaves})
    return len(leaves[0][1])


def same_counts(counts: dict[str, int]) -> None:
    """Raises if arrays, by their names, differ in their number of rows."""
    first, count = next(iter(counts.items()))
    for name, other in counts.items():
        if other != count:
            rule = f"have as many rows as `{first}`, {count}"
            raise InvalidArgument(name, rule, other, got=str(other))


def match(
    name: str,
    nest: Any,
    tensors: Any,
    names: Sequence[str] | None = None,
    required: Sequence[bool] | None = None,
    hint: str = "",
) -> list[tuple[str, Any, Any]]:
    """Pairs the arrays of a structure with a model's symbolic inputs or outputs.

    Args:
        name: Name of the structure in the error.
        nest: Arrays: one, a list, or a dictionary by name, nested as the tensors are.
        tensors: The model's `input` or `output`: one symbolic tensor, or a structure of them.
        names: Names of the tensors in errors, and keys of a dictionary given in place of a list,
            in the order of `keras.tree.flatten`; their own names by default.
        required: Which tensors need an array, in that order; all by default.
        hint: Hint of the error for a missing array.

    Returns:
        (name, array, symbolic tensor) for every array that there is.
    """
    flat = flatten(tensors)
    names = list(names or map(_tensor_name, flat))
    required = [True] * len(flat) if required is None else list(required)
    aligned = align(name, nest, tensors, names, required)
    for (leaf, array), end, needed in zip(aligned, names, required, strict=True):
        if needed and array is None:
            raise InvalidArgument(leaf, f"hold data for `{end}`", None, hint, got="None")
    return [
        (leaf, array, tensor)
        for (leaf, array), tensor in zip(aligned, flat, strict=True)
        if array is not None
    ]


def align(
    name: str, nest: Any, tensors: Any, names: Sequence[str], required: Sequence[bool]
) -> list[tuple[str, Any]]:
    """Returns (name, array) for each tensor of a structure; the array is None where there is none.

    Structures of one form are paired part by part. Where the forms differ, arrays are taken in
    the order of `keras.tree.flatten`: one for each tensor, or one for each that is required. The
    arguments are those of `match`.
    """
    if nest is None:
        return [(name, None)] * len(names)
    if isinstance(nest, dict) and not isinstance(tensors, dict):
        _match_keys(name, nest, names, required)
        flat = zip(names, flatten(tensors), strict=True)
        parts = [(f"{name}[{key!r}]", nest.get(key), tensor) for key, tensor in flat]
        return _align_parts(parts, names, required)
    if isinstance(nest, dict):
        keys = sorted(tensors)
        needed = _of_parts([tensors[key] for key in keys], required)
        _match_keys(name, nest, keys, [any(part) for part in needed])
        parts = [(f"{name}[{key!r}]", nest.get(key), tensors[key]) for key in keys]
        return _align_parts(parts, names, required)
    if _is_sequence(nest) and _is_sequence(tensors) and len(nest) == len(tensors):
        pairs = zip(nest, tensors, strict=True)
        parts = [(f"{name}[{i}]", part, wanted) for i, (part, wanted) in enumerate(pairs)]
        return _align_parts(parts, names, required)
    if _is_sequence(nest) and len(nest) == 1 and not is_nested(tensors):
        return align(f"{name}[0]", nest[0], tensors, names, required)
    if _is_sequence(tensors) and len(tensors) == 1:
        return align(name, nest, tensors[0], names, required)
    if not is_nested(nest) and not is_nested(tensors):
        return [(name, nest)]
    return _align_flat(name, nest, names, required)


def _align_parts(
    parts: list[tuple[str, Any, Any]], names: Sequence[str], required: Sequence[bool]
) -> list[tuple[str, Any]]:
    tensors = [wanted for _, _, wanted in parts]
    settings = zip(_of_parts(tensors, names), _of_parts(tensors, required), strict=True)
    return [
        leaf
        for part, (ends, needed) in zip(parts, settings, strict=True)
        for leaf in align(*part, ends, needed)
    ]


def _align_flat(
    name: str, nest: Any, names: Sequence[str], required: Sequence[bool]
) -> list[tuple[str, Any]]:
    leaves = [(name, nest)]
    if is_nested(nest):
        leaves = [(f"{name}[{i}]", leaf) for i, leaf in enumerate(flatten(nest))]
    if len(leaves) == len(names):
        return leaves
    given = [leaf for leaf in leaves if leaf[1] is not None]
    if len(given) == sum(required) > 0:
        left = iter(given)
        return [next(left) if needed else (name, None) for needed in required]
    ends = ", ".join(f"`{end}`" for end in names)
    some = ", ".join(f"`{end}`" for end, needed in zip(names, required, strict=True) if needed)
    if len(names) == 1:
        rule = f"be one array, for {ends}"
    else:
        rule = f"hold {len(names)} arrays, one for each of {ends}"
        rule += "" if all(required) or not some else f", or one for each of {some}"
    raise InvalidArgument(name, rule, nest, got=str(len(leaves)))


def _of_parts(parts: list[Any], flat: Sequence[Any]) -> list[Sequence[Any]]:
    """Splits a flat list, one entry a leaf, into the part of each structure."""
    ends = list(itertools.accumulate(len(flatten(part)) for part in parts))
    return [flat[first:last] for first, last in zip([0, *ends], ends, strict=False)]


def _is_sequence(nest: Any) -> bool:
    return isinstance(nest, (list, tuple))


def fits_input(name: str, array: np.ndarray, tensor: Any) -> None:
    """Raises unless an array has the shape of a symbolic input.

    As in Keras, a missing or an additional last axis of size 1 makes no difference.
    """
    wanted = tuple(tensor.shape)
    if _same_shape(array.shape, wanted):
        return
    if wanted[-1] == 1 and _same_shape((*array.shape, 1), wanted):
        return
    if array.shape[-1] == 1 and _same_shape(array.shape[:-1], wanted):
        return
    if len(array.shape) != len(wanted):
        axes = f"{len(array.shape)} ax{'i' if len(array.shape) == 1 else 'e'}s"
        hint = f"It has {axes} instead of {len(wanted)}"
        steps = past_steps(name, array.shape, wanted)
        if _same_shape((1, *array.shape), wanted):
            hint += f"; for a single example give `{name}[None]`."
        else:
            hint += f". {steps}" if steps else "; reshape it."
    else:
        hint = f"Give those features, or build the model with input_shape={array.shape[1:]}."
    raise InvalidArgument(
        name, f"have shape {shown(wanted)}", tuple(array.shape), hint, got=str(tuple(array.shape))
    )


def shown(shape: tuple) -> str:
    """Writes a symbolic shape.

    >>> shown((None, None, 3))
    '(batch, any, 3)'
    """
    sizes = ["batch", *(str(n or "any") for n in shape[1:])]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


def _same_shape(shape: tuple, wanted: tuple) -> bool:
    return len(shape) == len(wanted) and all(
        n is None or n == size for n, size in zip(wanted[1:], shape[1:], strict=True)
    )


def _tensor_name(tensor: Any) -> str:
    return getattr(tensor, "name", str(tensor))


def _match_keys(
    name: str, given: Iterable[str], wanted: Sequence[str], required: Sequence[bool]
) -> None:
    given = list(given)
    for key in given:
        if key not in wanted:
            hint = did_you_mean(key, wanted) or f"It takes {', '.join(map(repr, wanted))}."
            rule = "hold keys that the model has"
            raise InvalidArgument(name, rule, key, hint, got=repr(key))
    needed = zip(wanted, required, strict=True)
    missing = [key for key, is_needed in needed if is_needed and key not in given]
    if missing:
        lacking = ", ".join(map(repr, missing))
        raise InvalidArgument(name, "hold a key for each", given, got=f"none for {lacking}")
