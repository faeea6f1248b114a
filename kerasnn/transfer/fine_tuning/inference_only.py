"""Layer that calls a model in inference mode only."""

from typing import Any

import keras


class InferenceOnly(keras.layers.Layer):
    """Calls a model with `training=False` at all times.

    In a functional model this argument is overridden when the outer model trains.

    Args:
        model: The model to call.
    """

    def __init__(self, model: keras.Model) -> None:
        super().__init__(name=f"{model.name}_inference_only")
        self._model = model

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Returns the outputs of the model in inference."""
        return self._model(inputs, training=False)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the model's output shape."""
        return self._model.compute_output_shape(input_shape)
