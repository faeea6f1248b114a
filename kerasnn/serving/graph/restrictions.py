"""Checks for what a server cannot run: state, Python, files, resources of others."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import keras
import tensorflow as tf

from kerasnn._checks.errors import InvalidArgument

# A server has other files, and gives the same outputs for the same request.
_FILES = re.compile(
    r"(Read|Write|Matching)Files?|.*(Reader|ReaderV2|Dataset|DatasetV\d|Iterator|IteratorV2)"
    r"|(Save|Restore)\w*|ImmutableConst"
)


def check_layers(model: keras.Model) -> None:
    """Raises if a layer of the model keeps state between calls."""
    for part in tf.train.TrackableView(model).descendants():
        if isinstance(part, keras.Layer) and getattr(part, "stateful", False):
            raise InvalidArgument(
                "model",
                "not keep state between calls, or one client's request would change another's "
                "predictions",
                part,
                "Build it with stateful=False and copy the weights: "
                "`new.set_weights(model.get_weights())`.",
                got=f"the stateful layer `{part.name}`",
            )


def check_operations(graph: Any) -> None:
    """Raises if `graph` writes to variables, calls Python or reads files.

    Args:
        graph: `GraphDef` of a traced function.
    """
    for node in nodes(graph):
        if node.op.startswith("Assign") and node.op.endswith("VariableOp"):
            raise InvalidArgument(
                "model",
                "not change its variables when it predicts, or one client's request would change "
                "another's predictions",
                node.name,
                "A random layer must be off when training=False.",
                got=f"the operation `{node.name}`, which changes one",
            )
        if node.op in ("PyFunc", "PyFuncStateless", "EagerPyFunc"):
            raise InvalidArgument(
                "model",
                "consist of TensorFlow's operations",
                node.name,
                "Write it with `keras.ops`.",
                got=f"`{node.name}`, which calls Python, and a server has none",
            )
        if _FILES.fullmatch(node.op):
            raise InvalidArgument(
                "model",
                "contain all that it needs",
                node.name,
                "Read them before the model is built, or give their contents as an input.",
                got=f"the operation `{node.name}` ({node.op}), which uses files of this machine",
            )


def check_resources(captured: Iterable[Any], owned: Iterable[Any]) -> None:
    """Raises if a program reads a table, or another resource, that no layer of the model holds.

    Args:
        captured: Tensors that the program captured.
        owned: Handles of the model's variables and tables.
    """
    known = {id(handle) for handle in owned}
    for tensor in captured:
        if tensor.dtype == tf.resource and id(tensor) not in known:
            raise InvalidArgument(
                "model",
                "contain all that it needs",
                tensor,
                "Make the table in the layer's `__init__` and keep it there as an attribute: "
                "`self.table = table`.",
                got="a lookup table, or another resource, that none of its layers holds",
            )


def nodes(graph: Any) -> Iterator[Any]:
    """Yields all nodes of a `GraphDef`, those of its functions included."""
    yield from graph.node
    for function in graph.library.function:
        yield from function.node_def
