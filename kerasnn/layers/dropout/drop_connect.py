"""Dense layer with dropped connections."""

from typing import Any

import keras
import tensorflow as tf

from kerasnn import _checks
from kerasnn._checks import layers
from kerasnn.layers.dropout.base import BaseDropout


@keras.saving.register_keras_serializable("kerasnn")
class DropConnect(BaseDropout):
    """Dense layer that sets each weight to zero with probability `rate` while training.

    Forward:  y = f(x (M * W) / (1 - rate) + m * b / (1 - rate))   in training
              y = f(x W + b)                                       in inference
    Backward: that of a dense layer with the weights M * W / (1 - rate)

    M and m ~ Bernoulli(1 - rate) are drawn for each example, as in the paper, and shared by the
    steps of a sequence. This takes memory for `batch * features * units` numbers. In inference
    the paper samples from a Gaussian with matched moments; this is its mean.

    Args:
        units: Number of outputs.
        rate: Fraction of the weights set to zero, in [0, 1).
        activation: f, a Keras activation; linear by default.
        use_bias: Whether b is added.
        kernel_initializer: Initializer of W.
        kernel_regularizer: Penalty on W.
        seed: Seed of the masks. The default takes one from `keras.utils.set_random_seed`.

    Shape:
        `(batch, ..., features)` -> `(batch, ..., units)`.

    Raises:
        InvalidArgument: If `units` is not a positive integer, or `rate` is not in [0, 1).

    Example:
        >>> sums = DropConnect(1, 0.5, kernel_initializer="ones")
        >>> sums(keras.ops.ones((1, 3))).numpy().tolist()
        [[3.0]]

    Reference:
        Wan et al. (2013), Proceedings of Machine Learning Research 28(3), 1058-1066.
    """

    @_checks.ends_with_caller
    def __init__(
        self,
        units: int,
        rate: float,
        *,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        kernel_regularizer: Any = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        _checks.integer("units", units)
        _checks.boolean("use_bias", use_bias)
        super().__init__(rate, seed=seed, **kwargs)
        self.built = False
        self.input_spec = keras.layers.InputSpec(min_ndim=2)
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
        self.kernel: Any = self.add_weight(
            shape=(layers.feature_count(self, input_shape), self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            name="kernel",
        )
        self.bias: Any = (
            self.add_weight(shape=(self.units,), initializer="zeros", name="bias")
            if self.use_bias
            else None
        )

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Drops weights in training; a dense layer in inference."""
        inputs = layers.real_numbers(self, inputs)
        kernel = tf.convert_to_tensor(self.kernel)
        bias = None if self.bias is None else tf.convert_to_tensor(self.bias)
        if not training or self.rate == 0:
            outputs = tf.tensordot(inputs, kernel, 1)
            return self.activation(outputs if bias is None else outputs + bias)
        batch, steps = tf.shape(inputs)[0], tf.reduce_prod(tf.shape(inputs)[1:-1])
        examples = tf.reshape(inputs, [batch, steps, inputs.shape[-1]])
        outputs = examples @ self._dropped(kernel, batch)
        if bias is not None:
            outputs += self._dropped(bias[None], batch)
        shape = tf.concat([tf.shape(inputs)[:-1], [self.units]], 0)
        outputs = tf.ensure_shape(
            tf.reshape(outputs, shape), self.compute_output_shape(inputs.shape)
        )
        return self.activation(outputs)

    def _dropped(self, weight: tf.Tensor, batch: tf.Tensor) -> tf.Tensor:
        """Returns the kept weights of each example of the batch, scaled up."""
        kept = self.kept([batch, *weight.shape])
        scale = tf.cast(1 / (1 - self.rate), weight.dtype)
        return tf.where(kept, weight * scale, tf.zeros([], weight.dtype))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the input's shape with `units` last."""
        return (*input_shape[:-1], self.units)

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
