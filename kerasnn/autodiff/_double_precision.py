"""Copies of models in float64."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from kerasnn import _checks

_FLOATS = ("float32", "float16", "bfloat16", "mixed_float16", "mixed_bfloat16")


@contextlib.contextmanager
def double_precision(model: Any, x: Any) -> Iterator[keras.Model]:
    """Makes a compiled copy of `model` that computes its loss in float64.

    Losses take their dtype from Keras's global one, which is float64 within the context.

    Args:
        model: A compiled Keras model.
        x: Inputs to build the copy with.

    Raises:
        InvalidArgument: If the model cannot be created from its configuration.
    """
    floatx = keras.config.floatx()
    keras.config.set_floatx("float64")
    try:
        yield _copy(model, x)
    finally:
        keras.config.set_floatx(floatx)


def _copy(model: Any, x: Any) -> keras.Model:
    objects = _custom_objects(model)
    with keras.saving.custom_object_scope(objects):
        try:
            copy = type(model).from_config(_doubled(model.get_config(), objects))
            loss = keras.tree.map_structure(_doubled_loss, model.loss)
        except (AttributeError, NotImplementedError, TypeError, ValueError) as error:
            raise _checks.InvalidArgument(
                "model",
                "have layers and losses with `get_config` and `from_config`, for a copy in float64",
                model.name,
                "Give custom layers a `get_config`, and use named functions instead of lambdas.",
                got=f"`{model.name}`, for which they raise {type(error).__name__}: {error}",
            ) from error
    copy.compile(loss=loss, loss_weights=model.get_compile_config()["loss_weights"])
    copy(x, training=False)
    copy.set_weights(model.get_weights())
    return copy


def _custom_objects(model: Any) -> dict[str, Any]:
    """Returns by name the classes and functions that a configuration refers to by name."""
    objects: dict[str, Any] = {}
    for part in tf.train.TrackableView(model).descendants():
        if isinstance(part, keras.Layer):
            objects[type(part).__name__] = type(part)
            for value in vars(part).values():
                if hasattr(value, "__name__") and not isinstance(value, type):
                    objects[value.__name__] = _plain(value)
    return objects


def _plain(value: Callable[..., Any]) -> Callable[..., Any]:
    # `tf.custom_gradient` returns an object, and Keras expects a function.
    return lambda *args, **kwargs: value(*args, **kwargs)


def _doubled(config: Any, objects: dict[str, Any]) -> Any:
    """Returns a configuration with float64 for floating-point dtypes, and functions by name."""
    if isinstance(config, dict):
        if isinstance(config.get("config"), str) and config["config"] in objects:
            name = config["config"]
            return {**config, "class_name": "function", "registered_name": name}
        return {
            key: "float64" if key == "dtype" and _is_float(value) else _doubled(value, objects)
            for key, value in config.items()
        }
    if isinstance(config, (list, tuple)):
        return type(config)(_doubled(value, objects) for value in config)
    return config


def _is_float(dtype: Any) -> bool:
    name = dtype["config"].get("name") if isinstance(dtype, dict) else dtype
    return name in _FLOATS


def _doubled_loss(loss: Any) -> Any:
    if not isinstance(loss, keras.losses.Loss):
        return loss
    return type(loss).from_config({**loss.get_config(), "dtype": "float64"})
