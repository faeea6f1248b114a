"""Search for the inputs of a model whose values index the rows of an `Embedding`."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import keras

from kerasnn._core.model import all_layers, is_symbolic, kept

# Layers and operations that move values and change none.
_PASSING_LAYERS = (
    keras.layers.Flatten,
    keras.layers.Identity,
    keras.layers.Permute,
    keras.layers.RepeatVector,
    keras.layers.Reshape,
)
_PASSING_OPERATIONS = ("ExpandDims", "Ravel", "Reshape", "Squeeze", "Transpose")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Indices:
    """A part of one input, all values of which index the rows of an `Embedding`."""

    # Index among the model's flattened inputs.
    position: int
    # The index that takes the part out of an array.
    part: Any
    # Whether the shape of the part is still unchanged.
    is_input: bool = True
    layer: str = ""
    input_dim: int = 0


def indices_of(model: Any) -> list[Indices]:
    """Returns the parts of a model's inputs that go to an `Embedding` with unchanged values.

    The graph of a functional or `Sequential` model is followed from its inputs through layers and
    operations that only reshape, reorder or slice, and into the models inside it. Results of
    lookups and arithmetic, and a `call` of the user, are not followed.
    """
    if not any(isinstance(layer, keras.layers.Embedding) for layer in all_layers(model)):
        return []
    if not type(model).call.__module__.startswith(("keras.", "kerasnn.")):
        return []
    if isinstance(model, keras.Sequential):
        return list(_in_sequence(model))
    if not is_symbolic(model):
        return []
    # The graph of a functional model never changes.
    return kept(model, "embedding indices", lambda: _in_graph(model))


def _in_sequence(model: Any) -> Iterator[Indices]:
    passed: Indices | None = Indices(position=0, part=...)
    for layer in model.layers:
        if passed is None:
            return
        yield from _received(layer, [passed])
        passed = _passed_on(layer, passed)


def _in_graph(model: Any) -> list[Indices]:
    try:
        config = model.get_config()
    except (NotImplementedError, TypeError, ValueError, AttributeError):
        # A layer of the user that cannot be saved hides how the graph is connected.
        return []
    operations = {operation.name: operation for operation in model.operations}
    nodes = {entry["name"]: entry["inbound_nodes"] for entry in config["layers"]}
    positions = {name: i for i, (name, *_) in enumerate(_tensors(config["input_layers"]))}

    def follow(tensor: tuple[str, int, int]) -> Indices | None:
        name, node, _ = tensor
        if name in positions:
            return Indices(position=positions[name], part=...)
        operation, arguments = operations[name], nodes[name][node]["args"]
        sources = _tensors(arguments)
        if len(sources) != 1 or not _may_pass(operation):
            return None
        source = follow(sources[0])
        return None if source is None else _passed_on(operation, source, arguments[1:])

    found = []
    for name, operation in operations.items():
        if isinstance(operation, keras.layers.Embedding) or hasattr(operation, "layers"):
            for node in nodes[name]:
                # Further arguments of a layer or model are a mask and the like.
                found += _received(operation, list(map(follow, _tensors(node["args"][:1]))))
    return found


def _received(layer: Any, sources: list[Indices | None]) -> Iterator[Indices]:
    """Yields the parts of inputs that a layer or a model uses as indices."""
    if type(layer).call is keras.layers.Embedding.call:
        for source in sources:
            if source is not None:
                yield dataclasses.replace(source, layer=layer.name, input_dim=layer.input_dim)
    elif isinstance(layer, keras.Model):
        for inner in indices_of(layer):
            source = sources[inner.position] if inner.position < len(sources) else None
            if source is not None and (inner.part is ... or source.is_input):
                part = source.part if inner.part is ... else inner.part
                yield dataclasses.replace(inner, position=source.position, part=part)


def _may_pass(operation: Any) -> bool:
    name = type(operation).__name__
    if isinstance(operation, keras.Layer):
        return isinstance(operation, _PASSING_LAYERS)
    return name in (*_PASSING_OPERATIONS, "Cast", "GetItem")


def _passed_on(operation: Any, source: Indices, arguments: Any = ()) -> Indices | None:
    """Returns the part of an input that an operation passes on, or None."""
    if not _may_pass(operation):
        return None
    kind = type(operation).__name__
    if kind == "Cast" and operation.dtype not in ("int32", "int64", "float32", "float64"):
        return None
    if kind != "GetItem":
        return dataclasses.replace(source, is_input=False)
    part = keras.saving.deserialize_keras_object(arguments[0]) if arguments else None
    part = tuple(part) if isinstance(part, (list, tuple)) else (part,)
    if not source.is_input or not all(isinstance(i, (int, slice, type(...))) for i in part):
        return None
    return dataclasses.replace(source, part=part, is_input=False)


def _tensors(nest: Any) -> list[tuple[str, int, int]]:
    """Returns the (operation, node, output) of all tensors in a part of a configuration."""
    if isinstance(nest, dict):
        if nest.get("class_name") == "__keras_tensor__":
            return [tuple(nest["config"]["keras_history"])]
        return [tensor for key in sorted(nest) for tensor in _tensors(nest[key])]
    if not isinstance(nest, (list, tuple)):
        return []
    if len(nest) == 3 and isinstance(nest[0], str) and isinstance(nest[1], int):
        return [(nest[0], nest[1], nest[2])]
    return [tensor for part in nest for tensor in _tensors(part)]
