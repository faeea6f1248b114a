"""A part of a model that stays in inference while the rest trains."""

from typing import Any

import keras


class InInference(keras.layers.Layer):
    """Calls a model with `training=False`, whatever is asked of it.

    In a functional model that argument would be overridden when the whole is called to train.

    Args:
        model: What is called.
    """

    def __init__(self, model: keras.Model) -> None:
        super().__init__(name=f"{model.name}_in_inference")
        self._model = model

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Returns what the model gives in inference."""
        return self._model(inputs, training=False)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the model's output shape."""
        return self._model.compute_output_shape(input_shape)
