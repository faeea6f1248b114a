"""Preprocessing of each network of `keras.applications`, as a layer; its names are Keras's."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from kerasnn import _checks

# Each module is a family of networks with the same preprocessing.
MODULES = tuple(
    name
    for name in sorted(dir(keras.applications))
    if hasattr(getattr(keras.applications, name), "preprocess_input") and name != "imagenet_utils"
)
_NAMES = [name for name in dir(keras.applications) if name[0].isupper()]


def application(name: Any) -> tuple[Callable[..., keras.Model], str]:
    """Returns the constructor of a network, and its module.

    Raises:
        InvalidArgument: If there is no such network.
    """
    _checks.one_of("name", name, _NAMES)
    plain = name.lower()
    [module, *_] = [
        module
        for module in MODULES
        # The module of MobileNetV3 has no constructor.
        if hasattr(getattr(keras.applications, module), name)
        or plain in (module.replace("_", "") + size for size in ("large", "small"))
    ]
    return getattr(keras.applications, name), module


@keras.saving.register_keras_serializable("kerasnn")
class Preprocessing(keras.layers.Layer):
    """Converts raw RGB levels into the inputs of one family of pretrained networks.

    Forward:
        caffe (`vgg16`, `vgg19`, `resnet`): y = BGR(x) - (103.939, 116.779, 123.68)
        tf (`mobilenet`, `mobilenet_v2`, `resnet_v2`, `inception_v3`, ...): y = x / 127.5 - 1
        torch (`densenet`): y = (x / 255 - mean) / deviation, with ImageNet's by channel
        `efficientnet`, `efficientnet_v2`, `mobilenet_v3`, `convnext`: y = x; they scale inside

    It is Keras's `preprocess_input` of that family, in float32 under every dtype policy.

    Args:
        application: Name of the module of `keras.applications`, such as `"vgg16"`.

    Shape:
        `(batch, height, width, 3)` in [0, 255] -> the same.

    Raises:
        InvalidArgument: If `application` is no such module.

    Example:
        >>> layer = Preprocessing("mobilenet_v2")
        >>> layer(keras.ops.full((1, 1, 1, 3), 255.0)).numpy().ravel().tolist()
        [1.0, 1.0, 1.0]
    """

    def __init__(self, application: str, **kwargs: Any) -> None:
        _checks.one_of("application", application, MODULES)
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        self.application = application

    def call(self, inputs: Any) -> Any:
        """Returns the preprocessed images."""
        module = getattr(keras.applications, self.application)
        return module.preprocess_input(tf.cast(inputs, self.compute_dtype))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {**super().get_config(), "application": self.application}
