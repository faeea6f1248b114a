"""The graph convolution."""

from typing import Any

import keras
from keras import ops

from kerasnn import _checks


@keras.saving.register_keras_serializable("kerasnn")
class GraphConvolution(keras.layers.Layer):
    """Mixes each node's features with its neighbours'.

    Forward: H' = f(D^-1/2 (A + I) D^-1/2 H W + b), D_ii = sum_j (A + I)_ij

    Self-loops and the symmetric normalisation are added here: give the plain adjacency matrix.

    Args:
        units: Features of each node in the output.
        activation: f, a Keras activation; linear by default.
        use_bias: Whether b is added.
        kernel_initializer: Start of W.
        kernel_regularizer: Penalty on W.

    Shape:
        `[(batch, nodes, features), (batch, nodes, nodes)]` -> `(batch, nodes, units)`.

    Raises:
        ValueError: If `units` is not a whole number above 0, or the inputs are not a pair.

    Example:
        >>> mix = GraphConvolution(1, kernel_initializer="ones")
        >>> features, edges = [[[1.0], [3.0]]], [[[0.0, 1.0], [1.0, 0.0]]]
        >>> mix([keras.ops.array(features), keras.ops.array(edges)]).numpy().round(3).tolist()
        [[[2.0], [2.0]]]

    Reference:
        Kipf & Welling (2017), arXiv:1609.02907.
    """

    def __init__(
        self,
        units: int,
        *,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        kernel_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        _checks.whole_number("units", units)
        super().__init__(**kwargs)
        self.units = units
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)

    def build(self, input_shape: Any) -> None:
        """Creates W and b."""
        if len(input_shape) != 2 or not isinstance(input_shape[0], (list, tuple)):
            raise ValueError(
                f"`{self.name}` takes a pair, node features and adjacency; got one input of "
                f"shape {tuple(input_shape)}. Call it as layer([features, adjacency])."
            )
        features, _ = input_shape
        self.kernel: Any = self.add_weight(
            shape=(features[-1], self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            name="kernel",
        )
        self.bias = (
            self.add_weight(shape=(self.units,), initializer="zeros", name="bias")
            if self.use_bias
            else None
        )

    def call(self, inputs: Any) -> Any:
        """Propagates along the normalised adjacency."""
        features, adjacency = (ops.cast(x, self.compute_dtype) for x in inputs)
        nodes: Any = ops.shape(adjacency)
        looped = adjacency + ops.eye(nodes[-1], dtype=adjacency.dtype)
        scale = ops.rsqrt(ops.sum(looped, axis=-1, keepdims=True))
        mixed = scale * ops.matmul(looped, scale * ops.matmul(features, self.kernel))
        return self.activation(mixed if self.bias is None else mixed + self.bias)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the features' shape with `units` last."""
        return (*input_shape[0][:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {
            **super().get_config(),
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
        }
