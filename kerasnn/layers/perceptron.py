"""Rosenblatt's perceptron, in the three formulations of textbooks."""

from typing import Any

import keras
from keras import ops

from kerasnn import _checks
from kerasnn._checks import layers
from kerasnn.layers.activations.threshold import step

_FORMULATIONS = ("bias", "threshold", "weight")


@keras.saving.register_keras_serializable("kerasnn")
class Perceptron(keras.layers.Layer):
    """Outputs 1 where a weighted sum of the inputs exceeds a threshold, and 0 elsewhere.

    Forward:  y = 1 if x W + b > 0 else 0        `formulation="bias"`
              y = 1 if x W > theta else 0        `formulation="threshold"`, theta = -b
              y = 1 if (x, 1) W' > 0 else 0      `formulation="weight"`, W' = (W; b)
    Backward: dy/d(x W) = 1   (chosen, not true), so that the gradient of the absolute error
              with respect to W is (y_hat - y) x: Rosenblatt's rule

    Args:
        units: Number of threshold units.
        formulation: How the threshold is stored. All three give the same outputs.
        kernel_initializer: Initializer of W; zeros by default, as in Rosenblatt's rule.

    Shape:
        `(batch, ..., features)` -> `(batch, ..., units)`.

    Raises:
        InvalidArgument: If `units` is not a positive integer or `formulation` is unknown.

    Example:
        >>> import numpy as np
        >>> both = Perceptron(1)
        >>> both.build((None, 2))
        >>> both.set_weights([np.array([[1.0], [1.0]]), np.array([-1.5])])
        >>> both(keras.ops.array([[0.0, 1.0], [1.0, 1.0]])).numpy().tolist()
        [[0.0], [1.0]]

    Reference:
        Rosenblatt (1958), doi:10.1037/h0042519.
    """

    # Name of the output activation, which the package reads from any last layer.
    activation_name = "threshold"

    @_checks.ends_with_caller
    def __init__(
        self,
        units: int = 1,
        *,
        formulation: str = "bias",
        kernel_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        _checks.integer("units", units)
        _checks.one_of("formulation", formulation, _FORMULATIONS)
        super().__init__(**kwargs)
        self.units = units
        self.formulation = formulation
        self.input_spec = keras.layers.InputSpec(min_ndim=2)
        self.kernel_initializer = layers.from_keras(
            "kernel_initializer", keras.initializers.get, kernel_initializer
        )

    def build(self, input_shape: Any) -> None:
        """Creates W, and b or theta; `"weight"` keeps b as the last row of W."""
        rows = layers.feature_count(self, input_shape) + (self.formulation == "weight")
        self.kernel: Any = self.add_weight(
            shape=(rows, self.units), initializer=self.kernel_initializer, name="kernel"
        )
        if self.formulation != "weight":
            name = "bias" if self.formulation == "bias" else "threshold"
            self.level: Any = self.add_weight(shape=(self.units,), initializer="zeros", name=name)

    def call(self, inputs: Any) -> Any:
        """Compares the weighted sum with the threshold."""
        inputs = layers.real_numbers(self, inputs)
        if self.formulation == "weight":
            inputs = ops.concatenate([inputs, ops.ones_like(inputs[..., :1])], axis=-1)
            return step(ops.matmul(inputs, self.kernel))
        weighted = ops.matmul(inputs, self.kernel)
        return step(weighted + self.level if self.formulation == "bias" else weighted - self.level)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the input's shape with `units` last."""
        return (*input_shape[:-1], self.units)

    @_checks.ends_with_caller
    def convert(self, formulation: str) -> "Perceptron":
        """Returns a layer of another formulation that gives the same outputs.

        Args:
            formulation: The formulation of the new layer.

        Raises:
            InvalidArgument: If `formulation` is unknown.
            ValueError: If this layer has no weights yet.
        """
        _checks.one_of("formulation", formulation, _FORMULATIONS)
        if not self.built:
            raise ValueError(
                f"`{self.name}` has no weights yet. Call it on data, or `build` it, first."
            )
        kernel: Any = ops.convert_to_numpy(self.kernel)
        if self.formulation == "weight":
            kernel, bias = kernel[:-1], kernel[-1]
        else:
            level: Any = ops.convert_to_numpy(self.level)
            bias = level if self.formulation == "bias" else -level
        other = Perceptron(
            self.units, formulation=formulation, kernel_initializer=self.kernel_initializer
        )
        other.build((None, kernel.shape[0]))
        if formulation == "weight":
            other.kernel.assign(ops.concatenate([kernel, bias[None]], axis=0))
        else:
            other.kernel.assign(kernel)
            other.level.assign(bias if formulation == "bias" else -bias)
        return other

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {
            **super().get_config(),
            "units": self.units,
            "formulation": self.formulation,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
