"""Checks that arrays have the structure and the shapes of a model's inputs or outputs."""

from collections.abc import Container, Sequence
from typing import Any

import keras
import numpy as np

from kerasnn._checks.arguments import did_you_mean


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
            raise ValueError(f"`{name}` must be an array of rows; got the single number {array}.")
        if array.size == 0:
            raise ValueError(f"`{name}` must hold at least one row; got shape {array.shape}.")
    same_counts({name: len(array) for name, array in leaves})
    return len(leaves[0][1])


def same_counts(counts: dict[str, int]) -> None:
    """Raises where arrays, by their names, differ in their number of rows."""
    first, count = next(iter(counts.items()))
    for name, other in counts.items():
        if other != count:
            raise ValueError(
                f"`{first}` and `{name}` must have the same number of rows; got {count} and "
                f"{other}."
            )


def match(
    name: str,
    nest: Any,
    tensors: Any,
    names: Sequence[str] | None = None,
    optional: Container[str] = (),
) -> list[tuple[str, Any, Any]]:
    """Pairs the arrays of a structure with a model's symbolic inputs or outputs.

    Args:
        name: What the error calls the structure.
        nest: Arrays: one, a list, or a dictionary by name.
        tensors: The model's `input` or `output`: one symbolic tensor, or a structure of them.
        names: What a dictionary calls tensors that are no dictionary; their own names by default.
        optional: Names that a dictionary may lack.

    Returns:
        (name, array, symbolic tensor) for every array; nothing for structures nested deeper.
    """
    if isinstance(nest, (list, tuple)) and len(nest) == 1 and not isinstance(tensors, (list, dict)):
        nest = nest[0]
    if isinstance(tensors, (list, tuple)) and len(tensors) == 1 and not isinstance(nest, dict):
        tensors = tensors[0]
    if isinstance(nest, dict):
        if not isinstance(tensors, dict):
            flat = keras.tree.flatten(tensors)
            tensors = dict(zip(names or map(_tensor_name, flat), flat, strict=True))
        _match_keys(name, list(nest), list(tensors), optional)
        return [(f"{name}[{k!r}]", nest[k], t) for k, t in tensors.items() if k in nest]
    if isinstance(nest, (list, tuple)) or isinstance(tensors, (list, tuple, dict)):
        arrays, wanted = keras.tree.flatten(nest), keras.tree.flatten(tensors)
        if len(arrays) != len(wanted):
            names = ", ".join(f"`{_tensor_name(tensor)}`" for tensor in wanted)
            raise ValueError(
                f"`{name}` must hold {len(wanted)} arrays, one for each of {names}; got "
                f"{len(arrays)}."
            )
        return [
            (f"{name}[{i}]", array, tensor)
            for i, (array, tensor) in enumerate(zip(arrays, wanted, strict=True))
        ]
    return [] if nest is None else [(name, nest, tensors)]


def fits_input(name: str, array: np.ndarray, tensor: Any) -> None:
    """Raises unless an array has the shape of a symbolic input.

    As in Keras, a missing or an additional last axis of size 1 is no difference.
    """
    wanted = tuple(tensor.shape)
    if _same_shape(array.shape, wanted):
        return
    if wanted[-1] == 1 and _same_shape((*array.shape, 1), wanted):
        return
    if array.shape[-1] == 1 and _same_shape(array.shape[:-1], wanted):
        return
    if len(array.shape) != len(wanted):
        cure = f"It has {len(array.shape)} axes instead of {len(wanted)}"
        alone = _same_shape((1, *array.shape), wanted)
        cure += f"; for a single example give `{name}[None]`." if alone else "; reshape it."
    else:
        cure = f"Give those features, or build the model with input_shape={array.shape[1:]}."
    raise ValueError(f"`{name}` must have shape {shown(wanted)}; got {array.shape}. {cure}")


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


def _match_keys(name: str, given: list[str], wanted: list[str], optional: Container[str]) -> None:
    for key in given:
        if key not in wanted:
            cure = did_you_mean(key, wanted) or f"It takes {', '.join(map(repr, wanted))}."
            raise ValueError(f"`{name}` holds {key!r}, which the model does not have. {cure}")
    missing = [key for key in wanted if key not in given and key not in optional]
    if missing:
        raise ValueError(f"`{name}` lacks {', '.join(map(repr, missing))}.")
