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
_NAMES = [name for name in dir(keras.applications) if name[0].isupper()]


def application(name: Any) -> tuple[Callable[..., keras.Model], str]:
    """Returns the constructor of a network and the module that it belongs to.

    Raises:
        ValueError: If there is no such network.
    """
    _checks.one_of("name", name, _NAMES)
    plain = name.lower()
    [module, *_] = [
        module
        for module in MODULES
        # Keras gives that of MobileNetV3 no constructor.
        if hasattr(getattr(keras.applications, module), name)
        or plain in (module.replace("_", "") + size for size in ("large", "small"))
    ]
    return getattr(keras.applications, name), module
