"""What a server cannot run: refused where it is part of the model, removed where it is not."""

import pathlib
from collections.abc import Iterator
from typing import Any

from tensorflow.core.protobuf import saved_model_pb2

_COMPILED = "_XlaMustCompile"


def check(graph: Any) -> None:
    """Raises if `graph` writes to variables or calls Python.

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


def strip(directory: pathlib.Path) -> None:
    """Removes requests for XLA and for devices from the SavedModel in `directory`.

    Keras compiles grouped convolutions with XLA, which TensorFlow Serving refuses; the plain
    kernels compute the same. TensorFlow's own functions that save and restore the weights
    belong on a CPU and stay there.
    """
    file = directory / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    before = saved.SerializeToString(deterministic=True)
    for meta_graph in saved.meta_graphs:
        for function in meta_graph.graph_def.library.function:
            if function.signature.name.startswith(
                ("__inference__traced_save", "__inference__traced_restore")
            ):
                continue
            function.attr.pop(_COMPILED, None)
            for node in function.node_def:
                node.device = ""
                node.attr.pop(_COMPILED, None)
    after = saved.SerializeToString(deterministic=True)
    if after != before:
        file.write_bytes(after)
        # It holds the hash of the file as it was.
        (directory / "fingerprint.pb").unlink()


def _nodes(graph: Any) -> Iterator[Any]:
    yield from graph.node
    for function in graph.library.function:
        yield from function.node_def
