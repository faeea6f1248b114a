"""Dense layer in the neural tangent parametrisation."""

import math
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from kerasnn import _checks
from kerasnn._checks import layers
from kerasnn.layers.tabular.rates import Divided, check_factor


@keras.saving.register_keras_serializable("kerasnn")
class NTKDense(keras.layers.Layer):
    """Dense layer whose kernel has entries of order one, whatever the number of inputs.

    Forward:  y = g(x W / sqrt(n) + f v), with n inputs, the kernel W and the bias b = f v
    Backward: with z = x W / sqrt(n) + f v: dz/dx = W^T / sqrt(n), dz/dW = x / sqrt(n), dz/dv = f

    In `keras.layers.Dense` the entries of a kernel are of order 1 / sqrt(n), and a step of Adam
    changes all of them by the learning rate. Here the factor 1 / sqrt(n) stands in the formula, so
    that the same learning rate suits layers of all widths, and is larger by the order of sqrt(n).
    The bias is stored divided by f = `bias_rate_factor`, which acts under Adam as a factor of its
    learning rate; see `Scale`.

    Args:
        units: Number of outputs.
        activation: g, the name of a Keras activation or a function; None is linear.
        bias_rate_factor: f, above 0: the factor of the learning rate of the bias under Adam.
        kernel_initializer: Initializer of W; None is a normal distribution with deviation 1.
        bias_initializer: Initializer of b; None is a normal distribution with deviation 1.

    Shape:
        `(batch, ..., inputs)` -> `(batch, ..., units)`.

    Raises:
        InvalidArgument: If an argument is invalid.

    Example:
        >>> layer = NTKDense(1, kernel_initializer="ones", bias_initializer="zeros")
        >>> layer(keras.ops.ones((1, 4))).numpy()
        array([[2.]], dtype=float32)

    Reference:
        Jacot, Gabriel & Hongler (2018), arXiv:1806.07572. In networks for tables: Holzmueller,
        Grinsztajn & Steinwart (2024), arXiv:2407.04491.
    """

    def __init__(
        self,
        units: int,
        *,
        activation: str | Callable[[Any], Any] | None = None,
        bias_rate_factor: float = 0.1,
        kernel_initializer: Any = None,
        bias_initializer: Any = None,
        **kwargs: Any,
    ) -> None:
        _checks.integer("units", units)
        check_factor("bias_rate_factor", bias_rate_factor)
        function = layers.from_keras("activation", keras.activations.get, activation)
        kernel, bias = (
            keras.initializers.RandomNormal(stddev=1.0)
            if given is None
            else layers.from_keras(name, keras.initializers.get, given)
            for name, given in (
                ("kernel_initializer", kernel_initializer),
                ("bias_initializer", bias_initializer),
            )
        )
        super().__init__(**kwargs)
        self.units = units
        self.activation: Any = function
        self.bias_rate_factor = bias_rate_factor
        self.kernel_initializer: Any = kernel
        self.bias_initializer: Any = bias
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(min_ndim=2)

    def build(self, input_shape: Any) -> None:
        """Creates the weights."""
        inputs = layers.feature_count(self, input_shape)
        self._root = math.sqrt(inputs)
        self.kernel = self.add_weight(
            name="kernel", shape=(inputs, self.units), initializer=self.kernel_initializer
        )
        self.bias = self.add_weight(
            name="bias",
            shape=(self.units,),
            initializer=Divided(self.bias_initializer, self.bias_rate_factor),
        )

    def call(self, inputs: Any) -> Any:
        """Computes the outputs."""
        inputs = layers.real_numbers(self, inputs)
        z: Any = ops.matmul(inputs, self.kernel)
        return self.activation(z / self._root + self.bias_rate_factor * self.bias)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shape with units in the last axis."""
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {
            **super().get_config(),
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
            "bias_rate_factor": self.bias_rate_factor,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }
