"""Names of the columns of a table in a SavedModel.

The arguments of TensorFlow's functions are identifiers, and a column's name is any text. A table's
program is traced with the arguments `kerasnn_column_0`, `kerasnn_column_1`, ...; the keys of its
signature are the columns' own names. The names of the tensors, which the metadata of a server
hold too, still show the arguments, and so that the inputs are columns, whose values may be missing.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

_ARGUMENT = "kerasnn_column_"
_TENSOR = re.compile(rf"\w*?({_ARGUMENT}\d+):0")


def argument(place: int) -> str:
    """Returns the argument of the column at a place in the order of the columns."""
    return f"{_ARGUMENT}{place}"


def argument_of(tensor: str) -> str | None:
    """Returns the argument of a column, from the name of its tensor in a signature.

    >>> argument_of("serving_default_kerasnn_column_3:0"), argument_of("serving_default_image:0")
    ('kerasnn_column_3', None)
    """
    found = _TENSOR.fullmatch(tensor)
    return found[1] if found else None


def are_columns(tensors: Iterable[str]) -> bool:
    """Returns whether a signature with inputs of these tensors takes the columns of a table."""
    return all(argument_of(tensor) is not None for tensor in tensors)


def rename(meta_graph: Any, names: Mapping[str, str]) -> None:
    """Gives the inputs of all signatures, and of the loaded functions, the columns' names.

    `tf.saved_model.load` makes functions of the object graph, which take the names as keywords:
    `function(**{"km/h": x})`. Names that differ in other characters than letters and digits alone,
    such as `a b` and `a_b`, are one keyword to TensorFlow; there the arguments are left.

    Args:
        meta_graph: TensorFlow's `MetaGraphDef`, which is changed.
        names: Argument -> name of the column.
    """
    for signature in meta_graph.signature_def.values():
        for key in names.keys() & signature.inputs.keys():
            signature.inputs[names[key]].CopyFrom(signature.inputs[key])
            del signature.inputs[key]
    for node in meta_graph.object_graph_def.nodes:
        if node.HasField("bare_concrete_function"):
            keywords = node.bare_concrete_function.argument_keywords
            keywords[:] = [names.get(keyword, keyword) for keyword in keywords]
