"""Writing traced signatures as a SavedModel for TensorFlow Serving."""

import contextlib
import logging
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from kerasnn.serving.graph import restrictions
from kerasnn.serving.graph.traced import Traced
from kerasnn.serving.runtime import raw_columns

_COMPILED = "_XlaMustCompile"


def module(traced: Traced) -> tf.Module:
    """Returns a module of the variables and tables that the program reads, each once.

    Raises:
        InvalidArgument: If the program reads a resource that the model does not hold.
    """
    program, made = traced.program, tf.Module()
    # The program has them in no order, and their names depend on other models.
    models = [traced.model] if traced.encoder is None else [traced.encoder, traced.model]
    variables = [variable for model in models for variable in model.variables]
    places = {id(variable.value): place for place, variable in enumerate(variables)}
    made.weights = sorted(
        program.variables, key=lambda variable: places.get(id(variable), len(places))
    )
    made.tables = [
        part
        for model in models
        for part in tf.train.TrackableView(model).descendants()
        if isinstance(part, tf.saved_model.experimental.TrackableResource)
        and any(part.resource_handle is handle for handle in program.captured_inputs)
    ]
    owned = [variable.handle for variable in program.variables]
    owned += [table.resource_handle for table in made.tables]
    restrictions.check_resources(program.captured_inputs, owned)
    return made


def save(
    saved: tf.Module,
    directory: pathlib.Path,
    functions: Mapping[str, Any],
    methods: Mapping[str, str],
    columns: Mapping[str, str],
) -> None:
    """Writes a SavedModel without requests for XLA or for devices.

    Keras compiles grouped convolutions with XLA, which TensorFlow Serving refuses; without the
    request plain kernels compute the same. The server chooses the devices.

    Args:
        saved: What `module` returned.
        directory: Where to write.
        functions: Signature name -> concrete function.
        methods: Signature name -> TensorFlow Serving's name of the method.
        columns: Argument of the functions -> name of the table's column, where there is a table.
    """
    with _without_notes():
        tf.saved_model.save(saved, directory, signatures=dict(functions))
    file = directory / "saved_model.pb"
    model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    [meta_graph] = model.meta_graphs
    for function in meta_graph.graph_def.library.function:
        function.attr.pop(_COMPILED, None)
    for node in restrictions.nodes(meta_graph.graph_def):
        node.device = ""
        node.attr.pop(_COMPILED, None)
    for name, method in methods.items():
        meta_graph.signature_def[name].method_name = method
    raw_columns.rename(meta_graph, columns)
    file.write_bytes(model.SerializeToString(deterministic=True))
    # It holds the hash of the file before the change.
    (directory / "fingerprint.pb").unlink()
    (directory / "assets.extra").mkdir()


@contextlib.contextmanager
def _without_notes() -> Iterator[None]:
    """Keeps TensorFlow from telling where it writes, which is no place that lasts."""
    log = tf.get_logger()
    level = log.level
    log.setLevel(max(log.getEffectiveLevel(), logging.WARNING))
    try:
        yield
    finally:
        log.setLevel(level)
