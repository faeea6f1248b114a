"""Activation that is mixed with the identity by a learned weight of each unit."""

from collections.abc import Callable
from typing import Any

import keras

from kerasnn._checks import layers
from kerasnn.layers.tabular.rates import Divided, check_factor


@keras.saving.register_keras_serializable("kerasnn")
class ParametricActivation(keras.layers.Layer):
    """Applies an activation g, of which each unit learns the strength.

    Forward:  y_i = x_i + a_i (g(x_i) - x_i), where a_i = f v_i with the trainable v_i
    Backward: dy_i/dx_i = 1 + a_i (g'(x_i) - 1), dy_i/dv_i = f (g(x_i) - x_i)

    a_i is 1 at first, so that y = g(x). At 0 a unit is linear. The weight v is stored divided by
    f = `rate_factor`, which acts under Adam as a factor of the learning rate; see `Scale`.

    Args:
        activation: g, the name of a Keras activation or an elementwise function. To be saved, a
            custom function must be registered with Keras.
        rate_factor: f, above 0: the factor of the learning rate under Adam.

    Shape:
        `(batch, ..., units)` -> the same.

    Raises:
        InvalidArgument: If the activation is unknown, or `rate_factor` is not above 0.

    Example:
        >>> ParametricActivation("relu")(keras.ops.array([[-1.0, 2.0]])).numpy()
        array([[0., 2.]], dtype=float32)

    Reference:
        Holzmueller, Grinsztajn & Steinwart (2024), arXiv:2407.04491.
    """

    def __init__(
        self,
        activation: str | Callable[[Any], Any],
        *,
        rate_factor: float = 0.1,
        **kwargs: Any,
    ) -> None:
        check_factor("rate_factor", rate_factor)
        function = layers.from_keras("activation", keras.activations.get, activation)
        super().__init__(**kwargs)
        self.activation: Any = function
        self.rate_factor = rate_factor
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(min_ndim=2)

    def build(self, input_shape: Any) -> None:
        """Creates the weights."""
        self.strength = self.add_weight(
            name="strength",
            shape=(layers.feature_count(self, input_shape),),
            initializer=Divided(keras.initializers.Ones(), self.rate_factor),
        )

    def call(self, inputs: Any) -> Any:
        """Applies the activation."""
        inputs = layers.real_numbers(self, inputs)
        return inputs + (self.activation(inputs) - inputs) * (self.rate_factor * self.strength)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {
            **super().get_config(),
            "activation": keras.activations.serialize(self.activation),
            "rate_factor": self.rate_factor,
        }
