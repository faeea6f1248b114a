"""Base class of dropout layers with a given rate."""

from typing import Any

import keras
import tensorflow as tf

from kerasnn import _checks, ops
from kerasnn._checks.layers import real_numbers, seed_or_none


class BaseDropout(keras.layers.Layer):
    """Multiplies by a random mask while training; the identity in inference and at rate 0.

    Subclasses override `mask_shape`, the axes over which a mask is shared, or `drop`.

    Args:
        rate: Fraction that is dropped, in [0, 1).
        seed: Seed of the masks. The default takes one from `keras.utils.set_random_seed`.
    """

    def __init__(self, rate: float, *, seed: int | None = None, **kwargs: Any) -> None:
        _checks.rate("rate", rate, "To switch dropout off, use 0.")
        seed = seed_or_none(seed)
        super().__init__(**kwargs)
        self.rate = rate
        self.seed = seed
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(min_ndim=1)
        if rate > 0:
            self.seed_generator = keras.random.SeedGenerator(seed)
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Drops in training; the identity in inference."""
        inputs = real_numbers(self, inputs)
        # In a stack of models a tensor stands in place of the rate, which is not 0.
        is_off = not tf.is_tensor(self.rate) and self.rate == 0
        return self.drop(inputs) if training and not is_off else inputs

    def drop(self, inputs: Any) -> Any:
        """Sets masked inputs to zero, and scales up the others."""
        rate = self.current_rate()
        scale = tf.cast(1 / (1 - rate), inputs.dtype)
        kept = self.kept(self.mask_shape(inputs), rate)
        return tf.where(kept, inputs * scale, tf.zeros([], inputs.dtype))

    def kept(self, shape: Any, rate: Any = None) -> Any:
        """Draws True with probability 1 - `rate`, the layer's by default."""
        drawn = ops.random_uniform(shape, self.seed_generator)
        return drawn >= tf.cast(self.rate if rate is None else rate, drawn.dtype)

    def current_rate(self) -> Any:
        """Returns the rate of a training step."""
        return self.rate

    def mask_shape(self, inputs: Any) -> Any:
        """Returns the shape of the mask; 1 along an axis over which it is shared."""
        return tf.shape(inputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


def check_noise_shape(noise_shape: Any) -> None:
    """Raises unless `noise_shape` is a sequence of sizes and None."""
    if not isinstance(noise_shape, (tuple, list)) or not all(
        n is None or (isinstance(n, int) and not isinstance(n, bool) and n > 0) for n in noise_shape
    ):
        raise _checks.InvalidArgument("noise_shape", "hold positive integers or None", noise_shape)
