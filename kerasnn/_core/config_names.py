"""Configurations without the names of what is in them.

Keras names objects that are given no name by how many of their kind a process has made.
"""

from collections.abc import Collection
from typing import Any

# Where a configuration refers to layers by their names.
_REFERENCES = ("keras_history", "input_layers", "output_layers")


def without_names(config: Any, leave: Collection[str] = ()) -> Any:
    """Returns a configuration with numbers for the names of models, layers and optimizers.

    They are counted in the order of the configuration, so that two of one structure become equal.

    Args:
        config: As `keras.saving.serialize_keras_object` gives it.
        leave: Keys of parts that stay as they are.

    Example:
        >>> layers = [{"class_name": "Dense", "config": {"name": f"dense_{i}"}} for i in (7, 8)]
        >>> [layer["config"]["name"] for layer in without_names(layers)]
        ['#0', '#1']
    """
    names: dict[str, str] = {}
    _collect(config, names, leave)
    return _renamed(config, names, leave)


def is_named(node: dict[str, Any]) -> bool:
    """Whether a node is of an object whose name says nothing of what it does."""
    kind, config = str(node.get("class_name")), node.get("config")
    # The name of a policy is its type of numbers.
    if not isinstance(config, dict) or "DTypePolicy" in kind:
        return False
    return isinstance(config.get("name"), str)


def _collect(node: Any, names: dict[str, str], leave: Collection[str]) -> None:
    if isinstance(node, (list, tuple)):
        for value in node:
            _collect(value, names, leave)
    elif isinstance(node, dict):
        if is_named(node):
            names.setdefault(node["config"]["name"], f"#{len(names)}")
        for key, value in node.items():
            if key not in leave:
                _collect(value, names, leave)


def _renamed(node: Any, names: dict[str, str], leave: Collection[str]) -> Any:
    if isinstance(node, (list, tuple)):
        return [_renamed(value, names, leave) for value in node]
    if not isinstance(node, dict):
        return node
    found: dict[str, Any] = {}
    for key, value in node.items():
        if key in _REFERENCES:
            found[key] = _references(value, names)
        else:
            found[key] = value if key in leave else _renamed(value, names, leave)
    if is_named(node):
        name = names[node["config"]["name"]]
        found["config"]["name"] = name
        found |= {"name": name} if "name" in node else {}
    return found


def _references(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, (list, tuple)):
        return [_references(part, names) for part in value]
    if isinstance(value, dict):
        return {key: _references(part, names) for key, part in value.items()}
    return names.get(value, value) if isinstance(value, str) else value
