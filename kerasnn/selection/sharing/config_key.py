"""What a program of a model has as constants, in words."""

import json
from typing import Any

import keras

from kerasnn._core.config_names import is_named, without_names
from kerasnn._core.model import all_layers
from kerasnn._core.optimizers import is_plain
from kerasnn.layers import Standardize
from kerasnn.selection.folds.metrics import automatic, is_automatic

# What becomes a number that the program reads, by the name that Keras saves a class under.
_MASKED = {
    "L1": ("l1",),
    "L2": ("l2",),
    "L1L2": ("l1", "l2"),
    "kerasnn>Dropout": ("rate",),
    "kerasnn>SpatialDropout": ("rate",),
    "kerasnn>SGD": ("momentum",),
}
_OWN = ("keras", "kerasnn")
# Where a configuration holds objects with names that are no layers'.
_COMPILED = ("loss", "metrics", "weighted_metrics")


def architecture(model: Any) -> str | None:
    """Returns a text that is equal for models that one program can train, or None.

    None is for a model with code that is neither Keras's nor kerasnn's, and for one with a layer
    such as Keras's `Normalization`, which keeps what it has learned outside its variables.
    """
    try:
        config: Any = keras.saving.serialize_keras_object(model)
        layers = list(all_layers(model))
    except (AttributeError, NotImplementedError, TypeError, ValueError):
        return None
    learns = any(hasattr(one, "adapt") and not isinstance(one, Standardize) for one in layers)
    if not model.built or learns or not _is_known(config):
        return None
    masked = _masked(without_names(config, leave=_COMPILED))
    try:
        return json.dumps([masked, _weights(model), _losses(model)], sort_keys=True)
    except TypeError:
        # A value that has no words may be a constant of the program.
        return None


def _is_known(node: Any) -> bool:
    """Whether all classes and functions in a configuration are Keras's or kerasnn's."""
    if isinstance(node, (list, tuple)):
        return all(map(_is_known, node))
    if not isinstance(node, dict):
        return True
    if "class_name" in node:
        module = str(node.get("module", "keras")).partition(".")[0]
        if module not in _OWN or node["class_name"] in ("function", "__lambda__", "Lambda"):
            return False
    return all(_is_known(value) for value in node.values())


def _weights(model: Any) -> list[Any]:
    """Returns what each weight is: attributes of it may be set after it was made."""
    return [
        (
            list(v.shape),
            v.dtype,
            v.trainable,
            type(v.regularizer).__name__,
            [bool(getattr(v.regularizer, factor, 0)) for factor in ("l1", "l2")],
        )
        for v in model.weights
    ]


def _losses(model: Any) -> list[Any]:
    """Returns what losses were told: of some, such as `Huber`, not all is in the configuration."""
    return [
        {name: value for name, value in vars(loss).items() if is_plain(value)}
        for loss in keras.tree.flatten(model.loss)
        if isinstance(loss, keras.losses.Loss)
    ]


def _masked(node: Any, numbers: tuple[str, ...] = ()) -> Any:
    if isinstance(node, (list, tuple)):
        return [_masked(value) for value in node]
    if not isinstance(node, dict):
        return node
    kind = node.get("registered_name") or node.get("class_name")
    masked: dict[str, Any] = {}
    for key, value in node.items():
        if key == "seed" or key.endswith("_initializer"):
            continue
        if key == "learning_rate" and isinstance(value, float):
            continue
        if key in numbers:
            masked[key] = bool(value)
        elif key == "activity_regularizer":
            masked[key] = value
        elif key in _COMPILED:
            masked[key] = _compiled(value)
        else:
            masked[key] = _masked(value, _MASKED.get(str(kind), ()))
    return masked


def _compiled(node: Any) -> Any:
    """Returns losses and metrics without the counts in names that Keras has given."""
    if isinstance(node, (list, tuple)):
        return [_compiled(value) for value in node]
    if not isinstance(node, dict):
        return node
    found = {key: _compiled(value) for key, value in node.items()}
    if is_named(node) and is_automatic(node["class_name"], node["config"]["name"]):
        found["config"]["name"] = automatic(node["class_name"])
    return found
