"""Configurations of Keras objects without their names.

Keras gives an object without a name one that counts the objects of its class in the process.
"""

from typing import Any

# Keys whose values refer to layers by name.
_REFERENCES = ("keras_history", "input_layers", "output_layers")


def without_names(config: Any) -> Any:
    """Returns a configuration with numbers in place of the names of its objects.

    They are numbered in the order of the configuration, so that configurations of the same
    structure are equal.

    Args:
        config: As `keras.saving.serialize_keras_object` gives it.

    Example:
        >>> layers = [{"class_name": "Dense", "config": {"name": f"dense_{i}"}} for i in (7, 8)]
        >>> [layer["config"]["name"] for layer in without_names(layers)]
        ['#0', '#1']
    """
    names: dict[str, str] = {}
    _collect(config, names)
    return _renamed(config, names)


def _is_named(node: dict[str, Any]) -> bool:
    """Whether a node describes an object whose name does not change what it computes."""
    kind, config = str(node.get("class_name")), node.get("config")
    # The name of a dtype policy is its dtype.
    if not isinstance(config, dict) or "DTypePolicy" in kind:
        return False
    return isinstance(config.get("name"), str)


def _collect(node: Any, names: dict[str, str]) -> None:
    if isinstance(node, (list, tuple)):
        for value in node:
            _collect(value, names)
    elif isinstance(node, dict):
        if _is_named(node):
            names.setdefault(node["config"]["name"], f"#{len(names)}")
        for value in node.values():
            _collect(value, names)


def _renamed(node: Any, names: dict[str, str]) -> Any:
    if isinstance(node, (list, tuple)):
        return [_renamed(value, names) for value in node]
    if not isinstance(node, dict):
        return node
    found: dict[str, Any] = {}
    for key, value in node.items():
        if key in _REFERENCES:
            found[key] = _references(value, names)
        else:
            found[key] = _renamed(value, names)
    if _is_named(node):
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
