"""The networks of `keras.applications`, by name."""

from collections.abc import Callable
from typing import Any

import keras

from kerasnn import _checks

# A module is a family: one way of preprocessing.
MODULES = tuple(
    name
    for name in sorted(dir(keras.applications))
    if hasattr(getattr(keras.applications, name), "preprocess_input") and name != "imagenet_utils"
)
_BY_NAME: dict[str, tuple[Any, str]] = {
    name: (constructor, module)
    for module in MODULES
    for name, constructor in vars(getattr(keras.applications, module)).items()
    if name[0].isupper() and callable(constructor)
}


def application(name: Any) -> tuple[Callable[..., keras.Model], str]:
    """Returns the constructor of a network and the module that it belongs to.

    Raises:
        ValueError: If there is no such network.
    """
    _checks.one_of("name", name, _BY_NAME)
    return _BY_NAME[name]
