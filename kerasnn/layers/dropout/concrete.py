"""Dropout with a learned rate."""

import math
from typing import Any

import keras
import tensorflow as tf

from kerasnn import _checks, ops
from kerasnn._checks import layers


@keras.saving.register_keras_serializable("kerasnn")
class ConcreteDropout(keras.layers.Layer):
    """Drops each input with a probability p that it learns.

    Forward:  y = x (1 - z) / (1 - p), u ~ U(0, 1),
                  z = sigmoid((ln p - ln(1 - p) + ln u - ln(1 - u)) / temperature)   in training
              y = x                                                                  in inference
    Backward: the true gradient, also with respect to p, which is kept as ln p - ln(1 - p)
    Loss:     dropout_regularizer * features * (p ln p + (1 - p) ln(1 - p))

    z is a smooth approximation of a Bernoulli variable with probability p: it is above 1/2 with
    probability p, and the lower the temperature, the nearer it is to 0 or 1. The added loss is
    the negative entropy of these variables, one for each feature. It moves p towards 1/2; the
    loss on the data lowers p where noise hurts, and raises it where the model is overconfident.
    In the paper the penalty on the weights of the next layer is divided by 1 - p too; the
    `kernel_regularizer` of that layer is not changed here.

    Args:
        initial_rate: Initial value of p, between 0 and 1.
        temperature: Smoothness of z, above 0.
        dropout_regularizer: Weight of the negative entropy; the paper's choice is
            2 / (precision * examples) for the mean squared error, and 1 / examples for the
            cross-entropy.
        seed: Seed of u. The default takes one from `keras.utils.set_random_seed`.

    Attributes:
        rate_: The current value of p.

    Shape:
        `(batch, ..., features)` -> the same.

    Raises:
        InvalidArgument: If `initial_rate` is not between 0 and 1, `temperature` is not above 0, or
            `dropout_regularizer` is negative.

    Example:
        >>> round(ConcreteDropout(0.2).rate_, 6)
        0.2

    Reference:
        Gal, Hron & Kendall (2017), arXiv:1705.07832.
    """

    @_checks.ends_with_caller
    def __init__(
        self,
        initial_rate: float = 0.1,
        *,
        temperature: float = 0.1,
        dropout_regularizer: float = 1e-5,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        hint = "From exactly 0 or 1 the rate could not change."
        _checks.number("initial_rate", initial_rate, above=0, below=1, hint=hint)
        _checks.number("temperature", temperature, above=0)
        _checks.number("dropout_regularizer", dropout_regularizer, at_least=0)
        seed = layers.seed_or_none(seed)
        super().__init__(**kwargs)
        self.initial_rate = initial_rate
        self.temperature = temperature
        self.dropout_regularizer = dropout_regularizer
        self.seed = seed
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(min_ndim=2)
        self.seed_generator = keras.random.SeedGenerator(seed)
        self._features = 0
        self.logit: Any = self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(math.log(initial_rate / (1 - initial_rate))),
            regularizer=self._negative_entropy,
            # In 16 bits small steps of the rate would be rounded away.
            autocast=False,
            name="logit",
        )

    def build(self, input_shape: Any) -> None:
        """Stores the number of features, by which the added loss is multiplied."""
        self._features = layers.feature_count(self, input_shape)

    @property
    def rate_(self) -> float:
        """The current value of p."""
        return float(tf.sigmoid(tf.convert_to_tensor(self.logit)))

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Drops in training; the identity in inference."""
        inputs = layers.real_numbers(self, inputs)
        if not training:
            return inputs
        logit = tf.convert_to_tensor(self.logit)
        u = tf.cast(ops.random_uniform(tf.shape(inputs), self.seed_generator), logit.dtype)
        noise = tf.math.log(u) - tf.math.log1p(-u)
        kept = tf.sigmoid(-(logit + noise) / self.temperature) / tf.sigmoid(-logit)
        return inputs * tf.cast(kept, inputs.dtype)

    def _negative_entropy(self, logit: Any) -> Any:
        logit = tf.convert_to_tensor(logit)
        # ln p = -softplus(-logit), finite for every p.
        kept, dropped = tf.sigmoid(-logit), tf.sigmoid(logit)
        negative_entropy = -dropped * tf.math.softplus(-logit) - kept * tf.math.softplus(logit)
        return self.dropout_regularizer * self._features * negative_entropy

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {
            **super().get_config(),
            "initial_rate": self.initial_rate,
            "temperature": self.temperature,
            "dropout_regularizer": self.dropout_regularizer,
            "seed": self.seed,
        }
