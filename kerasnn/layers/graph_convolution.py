"""Graph convolution."""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from kerasnn import _checks
from kerasnn._checks import layers


@keras.saving.register_keras_serializable("kerasnn")
class GraphConvolution(keras.layers.Layer):
    """Mixes the features of each node with those of its neighbours.

    Forward: H' = f(D^-1/2 (A + I) D^-1/2 H W + b), D_ii = sum_j (A + I)_ij

    Self-loops and the symmetric normalisation are added here: give the plain adjacency matrix. A
    node without neighbours keeps its own features. With a `tf.SparseTensor` the cost grows with
    the number of edges instead of nodes squared; a model takes one through
    `keras.Input(shape, sparse=True)`.

    Args:
        units: Features of each node in the output.
        activation: f, a Keras activation; linear by default.
        use_bias: Whether b is added.
        kernel_initializer: Initializer of W.
        kernel_regularizer: Penalty on W.

    Shape:
        `[(batch, nodes, features), (batch, nodes, nodes)]` -> `(batch, nodes, units)`; a single
        graph may come without the batch axis.

    Raises:
        InvalidArgument: If `units` is not a positive integer, if the inputs are not a pair, if
            the adjacency is not square or has another number of nodes than the features, or if an
            edge is negative (checked in eager calls only, where values are known).

    Example:
        >>> mix = GraphConvolution(1, kernel_initializer="ones")
        >>> features, edges = [[[1.0], [3.0]]], [[[0.0, 1.0], [1.0, 0.0]]]
        >>> mix([keras.ops.array(features), keras.ops.array(edges)]).numpy().round(3).tolist()
        [[[2.0], [2.0]]]

    Reference:
        Kipf & Welling (2017), arXiv:1609.02907.
    """

    @_checks.ends_with_caller
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
        _checks.integer("units", units)
        _checks.boolean("use_bias", use_bias)
        super().__init__(**kwargs)
        self.units = units
        self.activation = layers.from_keras("activation", keras.activations.get, activation)
        self.use_bias = use_bias
        self.kernel_initializer = layers.from_keras(
            "kernel_initializer", keras.initializers.get, kernel_initializer
        )
        self.kernel_regularizer = layers.from_keras(
            "kernel_regularizer", keras.regularizers.get, kernel_regularizer
        )

    def build(self, input_shape: Any) -> None:
        """Creates W and b."""
        self._check(input_shape)
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
        self._check(keras.tree.map_structure(lambda x: tuple(x.shape), inputs))
        features: Any
        features, adjacency = (layers.real_numbers(self, x) for x in inputs)
        self._check_edges(adjacency)
        # (A + I) z = A z + z needs neither the identity nor a dense A.
        degree = _neighbours(adjacency, ops.ones_like(features[..., :1])) + 1
        scale: Any = ops.rsqrt(degree)
        signal = scale * ops.matmul(features, self.kernel)
        mixed = scale * (_neighbours(adjacency, signal) + signal)
        return self.activation(mixed if self.bias is None else mixed + self.bias)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the features' shape with `units` last."""
        self._check(input_shape)
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

    def _check(self, shapes: Any) -> None:
        """Raises unless the shapes are those of features and adjacency of the same graphs."""
        is_pair = isinstance(shapes, (list, tuple)) and len(shapes) == 2
        if not is_pair or not all(isinstance(shape, (list, tuple)) for shape in shapes):
            raise _checks.InvalidArgument(
                "inputs",
                f"be a pair of node features and adjacency for `{self.name}`",
                shapes,
                "Call it as layer([features, adjacency]).",
                got=f"shape {shapes}",
            )
        features, adjacency = (tuple(shape) for shape in shapes)
        fits = len(features) == len(adjacency) and len(features) in (2, 3)
        if fits:
            pairs = [*zip(features[:-1], adjacency[:-1], strict=True), adjacency[-2:]]
            fits = all(one is None or other is None or one == other for one, other in pairs)
        if not fits:
            raise _checks.InvalidArgument(
                "inputs",
                f"be features of shape (batch, nodes, features) and a square adjacency of shape "
                f"(batch, nodes, nodes) for `{self.name}`",
                (features, adjacency),
                got=f"{features} and {adjacency}",
            )
        if features[-1] is None or (self.built and features[-1] != self.kernel.shape[0]):
            count = self.kernel.shape[0] if self.built else "a fixed number of"
            raise _checks.InvalidArgument(
                "inputs",
                f"have {count} features per node for `{self.name}`",
                features,
                got=f"features of shape {features}",
            )

    def _check_edges(self, adjacency: Any) -> None:
        values = adjacency.values if isinstance(adjacency, tf.SparseTensor) else adjacency
        # In a compiled program only shapes are known.
        if tf.executing_eagerly() and bool(tf.reduce_any(values < 0)):
            lowest = float(tf.reduce_min(values))
            raise _checks.InvalidArgument(
                "inputs",
                f"have edges of weight 0 or more for `{self.name}`, which divides by the root of "
                "their sum",
                lowest,
                got=f"an edge of weight {lowest:g}",
            )


def _neighbours(adjacency: Any, signal: Any) -> Any:
    """Returns A z, for a dense or sparse adjacency A."""
    if not isinstance(adjacency, tf.SparseTensor):
        return ops.matmul(adjacency, signal)
    # TensorFlow multiplies sparse matrices, but not batches of them: the graphs are joined to one.
    shape = tf.shape(signal)
    nodes, width = tf.cast(shape[-2], tf.int64), shape[-1]
    *graph, end, start = tf.unstack(adjacency.indices, axis=1)
    offset = graph[0] * nodes if graph else tf.zeros_like(end)
    flat = tf.reshape(signal, (-1, width))
    messages = adjacency.values[:, None] * tf.gather(flat, offset + start)
    sums = tf.math.unsorted_segment_sum(messages, offset + end, tf.shape(flat)[0])
    return tf.reshape(sums, shape)
