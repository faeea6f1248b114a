"""What a server cannot run: refused where it is part of the model, removed where it is not."""

import pathlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import keras
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

_COMPILED = "_XlaMustCompile"
# A server has other files, and answers one request like the next.
_FILES = re.compile(
    r"(Read|Write|Matching)Files?|.*(Reader|ReaderV2|Dataset|DatasetV\d|Iterator|IteratorV2)"
    r"|(Save|Restore)\w*|ImmutableConst"
)


def check_layers(parts: Iterable[Any]) -> None:
    """Raises if one of the `parts` of a model is a layer that keeps state between calls."""
    for part in parts:
        if isinstance(part, keras.Layer) and getattr(part, "stateful", False):
            raise ValueError(
                "`model` must not keep state between calls, or one client's request would change "
                f"another's answer; the layer `{part.name}` is stateful. Build it with "
                "stateful=False and copy the weights: `new.set_weights(model.get_weights())`."
            )


def check_operations(graph: Any) -> None:
    """Raises if `graph` writes to variables, calls Python or reads files.

    Args:
        graph: `GraphDef` of a traced function.
    """
    for node in _nodes(graph):
        if node.op.startswith("Assign") and node.op.endswith("VariableOp"):
            raise ValueError(
                "`model` must not change its variables when it predicts, or one client's request "
                f"would change another's answer; its operation `{node.name}` does. A random layer "
                "must be off when training=False."
            )
        if node.op in ("PyFunc", "PyFuncStateless", "EagerPyFunc"):
            raise ValueError(
                "`model` must be made of TensorFlow's operations; "
                f"`{node.name}` calls Python, which a server does not have. Write it with "
                "`keras.ops`."
            )
        if _FILES.fullmatch(node.op):
            raise ValueError(
                "`model` must hold all that it needs; its operation "
                f"`{node.name}` ({node.op}) uses files, which a server does not have. Read them "
                "before the model is built, or give their contents as an input."
            )


def check_resources(captured: Iterable[Any], owned: Iterable[Any]) -> None:
    """Raises if a program reads a table, or the like, that no layer of the model holds.

    Args:
        captured: What the program reads from outside.
        owned: Handles of the model's variables and tables.
    """
    known = {id(handle) for handle in owned}
    for tensor in captured:
        if tensor.dtype == tf.resource and id(tensor) not in known:
            raise ValueError(
                "`model` must hold all that it needs; it reads a lookup table, or another "
                "resource, that none of its layers holds. Make the table in the layer's `__init__` "
                "and keep it there as an attribute: `self.table = table`."
            )


def finish(directory: pathlib.Path, methods: Mapping[str, str]) -> None:
    """Makes the SavedModel in `directory` fit for TensorFlow Serving.

    Requests for XLA and for devices go: Keras compiles grouped convolutions with XLA, which
    TensorFlow Serving refuses, and the plain kernels compute the same. Where an operation runs is
    the server's choice; what can run on a CPU only, such as reading the weights, does.

    Args:
        directory: Holds what `tf.saved_model.save` wrote, which calls every signature a predict.
        methods: Signature name -> what TensorFlow Serving calls its way of asking.
    """
    file = directory / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    [meta_graph] = saved.meta_graphs
    for function in meta_graph.graph_def.library.function:
        function.attr.pop(_COMPILED, None)
    for node in _nodes(meta_graph.graph_def):
        node.device = ""
        node.attr.pop(_COMPILED, None)
    for name, method in methods.items():
        meta_graph.signature_def[name].method_name = method
    file.write_bytes(saved.SerializeToString(deterministic=True))
    # It holds the hash of the file as it was.
    (directory / "fingerprint.pb").unlink()


def _nodes(graph: Any) -> Iterator[Any]:
    yield from graph.node
    for function in graph.library.function:
        yield from function.node_def
