"""Functions for XLA without the names that Keras and TensorFlow count up in a process."""

import hashlib
from typing import Any

import tensorflow as tf

_MUST_COMPILE = "_XlaMustCompile"


def without_names(function: Any) -> Any:
    """Returns a function that does the same, and is named by what it does.

    TensorFlow finds a program that XLA has compiled, in its memory or in its cache on the disk, by
    the names in it: those of layers, of operations and of traced functions, most of which end in a
    number that depends on all that the process has done before. Here arguments, operations and
    results are numbered and functions are named by the digest of what is in them, so that two
    models of one architecture share a program.

    Args:
        function: A `tf.types.experimental.ConcreteFunction` that XLA compiles.
    """
    name, library = renamed(function)
    definition = function.function_def
    inputs = [(f"a{i}", arg.type) for i, arg in enumerate(definition.signature.input_arg)]
    call = tf.compat.v1.NodeDef(name="call", op="StatefulPartitionedCall")
    call.input.extend(placeholder for placeholder, _ in inputs)
    call.attr["f"].func.name = name
    call.attr["Tin"].list.type.extend(kind for _, kind in inputs)
    call.attr["Tout"].list.type.extend(arg.type for arg in definition.signature.output_arg)
    call.attr[_MUST_COMPILE].b = True
    graph = tf.compat.v1.GraphDef(node=[call], library=library)
    graph.versions.CopyFrom(function.graph.as_graph_def().versions)
    for placeholder, kind in inputs:
        node = graph.node.add(name=placeholder, op="Placeholder")
        node.attr["dtype"].type = kind
    # The closure below must not keep the trace itself alive.
    captured = list(function.captured_inputs)
    structure = tf.nest.map_structure(lambda _: 0, function.structured_outputs)
    specs = tf.nest.flatten(function.structured_input_signature)
    outputs = [f"call:{i}" for i in range(len(function.outputs))]

    def run(*args: Any) -> Any:
        capture = tf.compat.v1.get_default_graph().capture
        given = [*args, *map(capture, captured)]
        return tf.graph_util.import_graph_def(
            graph,
            input_map={name: value for (name, _), value in zip(inputs, given, strict=True)},
            return_elements=outputs,
            name="",
        )

    # It makes the imported functions known to TensorFlow outside of the graph too.
    wrapped = tf.compat.v1.wrap_function(run, specs)
    return lambda *args: tf.nest.pack_sequence_as(structure, wrapped(*tf.nest.flatten(args)))


def renamed(function: Any) -> tuple[str, Any]:
    """Returns the new name of a function, and the definitions of it and of those that it calls.

    Args:
        function: A `tf.types.experimental.ConcreteFunction`.
    """
    library = _Library(function.graph.as_graph_def().library)
    return library.add(function.function_def), library.definitions


class _Library:
    """Definitions of functions under names that follow from their content.

    Args:
        library: The definitions by the names that they have.
    """

    def __init__(self, library: Any) -> None:
        self._originals = {f.signature.name: f for f in library.function}
        self._names: dict[str, str] = {}
        self.definitions = type(library)()

    def add(self, original: Any) -> str:
        """Adds a function and those that it calls; returns its new name."""
        if original.signature.name not in self._names:
            definition = self._renamed(original)
            content = definition.SerializeToString(deterministic=True)
            definition.signature.name = f"kerasnn_{hashlib.sha256(content).hexdigest()[:32]}"
            if definition.signature.name not in self._names.values():
                self.definitions.function.append(definition)
            self._names[original.signature.name] = definition.signature.name
        return self._names[original.signature.name]

    def _renamed(self, original: Any) -> Any:
        """Returns a copy with numbers in place of the names in it, and without a name."""
        new = type(original)()
        new.CopyFrom(original)
        signature = new.signature
        signature.name = ""
        new.arg_attr.clear()
        names = {arg.name: f"a{i}" for i, arg in enumerate(signature.input_arg)}
        names |= {node.name: f"n{i}" for i, node in enumerate(new.node_def)}
        for i, arg in enumerate(signature.input_arg):
            arg.name = f"a{i}"
        for node in new.node_def:
            self._rename_node(node, names)
        results = [_renamed_input(original.ret[arg.name], names) for arg in signature.output_arg]
        new.ret.clear()
        for i, (arg, result) in enumerate(zip(signature.output_arg, results, strict=True)):
            arg.name = f"r{i}"
            new.ret[arg.name] = result
        new.control_ret.clear()
        controls = sorted(names[original.control_ret[name]] for name in signature.control_output)
        del signature.control_output[:]
        for control in controls:
            signature.control_output.append(control)
            new.control_ret[control] = control
        return new

    def _rename_node(self, node: Any, names: dict[str, str]) -> None:
        node.name = names[node.name]
        inputs = [_renamed_input(name, names) for name in node.input]
        data = [name for name in inputs if not name.startswith("^")]
        del node.input[:]
        node.input.extend([*data, *sorted(name for name in inputs if name.startswith("^"))])
        node.ClearField("experimental_debug_info")
        for attribute in ("_class", "_gradient_op_type"):
            node.attr.pop(attribute, None)
        # In order: a map of a protocol buffer comes in another one each time.
        for key in sorted(node.attr):
            value = node.attr[key]
            for called in [value.func, *value.list.func] if _has_function(value) else []:
                if called.name in self._originals:
                    called.name = self.add(self._originals[called.name])


def _has_function(value: Any) -> bool:
    return value.HasField("func") or (value.HasField("list") and bool(value.list.func))


def _renamed_input(name: str, names: dict[str, str]) -> str:
    """Returns the name of an input, such as `dense/MatMul:product:0`, with the node renamed."""
    if name.startswith("^"):
        return f"^{names[name[1:]]}"
    node, colon, output = name.partition(":")
    return f"{names[node]}{colon}{output}"
