"""Digest of what a program of a model depends on, known before it is traced."""

import hashlib
import json
from typing import Any

import keras

from kerasnn._core.model import all_layers

# What is in the configuration and in no program.
_LEFT_OUT = ("name", "seed", "learning_rate", "build_config")
_CANNOT = (AttributeError, KeyError, NotImplementedError, TypeError, ValueError)


def fingerprint(model: keras.Model, layout: tuple[Any, ...]) -> str:
    """Returns a text that is equal for models of one architecture, compiled alike.

    It says whether XLA has compiled such a program before. Where two programs differ and their
    fingerprints do not, XLA compiles a program that was thought to be there.

    Args:
        model: A compiled model.
        layout: Types and sizes of the data.

    Returns:
        The digest; an empty text if the model has no configuration.
    """
    try:
        config = [json.loads(model.to_json()), model.get_compile_config()]
        config.append([layer.trainable for layer in all_layers(model)])
        names = {layer.name: i for i, layer in enumerate(all_layers(model))}
        text = json.dumps([_without_names(config, names), layout], sort_keys=True, default=str)
    except _CANNOT:
        return ""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _without_names(config: Any, names: dict[str, int]) -> Any:
    """Returns a configuration with the number of a layer in place of its name."""
    if isinstance(config, dict):
        return {
            key: _without_names(value, names)
            for key, value in config.items()
            if key not in _LEFT_OUT and not key.endswith("_initializer")
        }
    if isinstance(config, (list, tuple)):
        return [_without_names(value, names) for value in config]
    return names.get(config, config) if isinstance(config, str) else config
