"""What a traced program does with an input before it computes anything."""

from collections.abc import Iterator
from typing import Any

import tensorflow as tf

# These pass on the values that they get.
_PASSING = {
    *("ConcatV2", "EnsureShape", "ExpandDims", "GatherV2", "Identity", "Pack", "Reshape", "Split"),
    *("SplitV", "Squeeze", "StridedSlice", "Tile", "Transpose", "Unpack"),
}
# These ask for its shape, or which of its values are padding.
_ASKING = {"Rank", "Shape", "Size", "Equal", "NotEqual"}


def only_cast(tensor: Any) -> tf.DType | None:
    """Returns the whole numbers or strings that all uses of `tensor` make of it, if they do."""
    found = set()
    for operation, _ in _uses(tensor, lambda op: op.type == "Cast" and _is_float(op.outputs[0])):
        dtype = operation.outputs[0].dtype if operation.type == "Cast" else None
        found.add(dtype if dtype is not None and (dtype.is_integer or dtype == tf.string) else None)
    return found.pop() if len(found) == 1 else None


def tables(tensor: Any) -> list[Any]:
    """Returns the handles of the lookup tables in which `tensor`, or words made of it, are keys."""
    return [
        operation.inputs[0]
        for operation, used in _uses(tensor, lambda op: op.type == "Cast" or _is_words(op))
        if operation.type == "LookupTableFindV2" and operation.inputs[1] is used
    ]


def _uses(tensor: Any, is_passing: Any) -> Iterator[tuple[Any, Any]]:
    """Gives the operations that use `tensor`, past those that pass it on, with what they use."""
    waiting, seen = [tensor], set()
    while waiting:
        used = waiting.pop()
        for operation in used.consumers():
            if operation.type in _ASKING or operation.name in seen:
                continue
            if operation.type in _PASSING or is_passing(operation):
                seen.add(operation.name)
                waiting.extend(operation.outputs)
            else:
                yield operation, used


def _is_float(tensor: Any) -> bool:
    return tensor.dtype.is_floating


def _is_words(operation: Any) -> bool:
    return any(output.dtype == tf.string for output in operation.outputs)
