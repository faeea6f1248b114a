"""Learned factor of each feature."""

from typing import Any

import keras

from kerasnn._checks import layers
from kerasnn.layers.tabular.rates import Divided, check_factor


@keras.saving.register_keras_serializable("kerasnn")
class Scale(keras.layers.Layer):
    """Multiplies each feature by a weight.

    Forward:  y_i = s_i x_i, where s_i = f v_i with the trainable v_i; s_i is 1 at first
    Backward: dy_i/dx_i = s_i, dy_i/dv_i = f x_i

    In front of a first dense layer it lets training select features: a diagonal matrix can shrink
    a feature for all units in a few steps. The weight v is stored divided by f = `rate_factor`. An
    optimizer whose steps do not depend on the scale of a gradient, such as Adam, then changes s
    by f times its learning rate; its weight decay shrinks s as it shrinks other weights.

    Args:
        rate_factor: f, above 0: the factor of the learning rate under Adam.

    Shape:
        `(batch, ..., features)` -> the same.

    Raises:
        InvalidArgument: If `rate_factor` is not above 0.

    Example:
        >>> Scale()(keras.ops.array([[1.0, 2.0]])).numpy()
        array([[1., 2.]], dtype=float32)

    Reference:
        Holzmueller, Grinsztajn & Steinwart (2024), arXiv:2407.04491.
    """

    def __init__(self, *, rate_factor: float = 6.0, **kwargs: Any) -> None:
        check_factor("rate_factor", rate_factor)
        super().__init__(**kwargs)
        self.rate_factor = rate_factor
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(min_ndim=2)

    def build(self, input_shape: Any) -> None:
        """Creates the weights."""
        self.scale = self.add_weight(
            name="scale",
            shape=(layers.feature_count(self, input_shape),),
            initializer=Divided(keras.initializers.Ones(), self.rate_factor),
        )

    def call(self, inputs: Any) -> Any:
        """Multiplies."""
        inputs = layers.real_numbers(self, inputs)
        return inputs * (self.rate_factor * self.scale)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {**super().get_config(), "rate_factor": self.rate_factor}
