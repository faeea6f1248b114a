"""Dropout with Gaussian noise."""

import math
from typing import Any

import keras
import tensorflow as tf

from kerasnn import ops
from kerasnn.layers.dropout.base import BaseDropout


@keras.saving.register_keras_serializable("kerasnn")
class GaussianDropout(BaseDropout):
    """Multiplies each input by Gaussian noise of mean 1 while training.

    Forward:  y = x * e, e ~ N(1, rate / (1 - rate))   in training
              y = x                                    in inference
    Backward: dy/dx = e, with the same e

    The noise has the mean and variance of the scaled mask of `Dropout` at the same rate.

    Args:
        rate: Rate of the corresponding `Dropout`, in [0, 1).
        seed: Seed of the noise. The default takes one from `keras.utils.set_random_seed`.

    Shape:
        `(batch, ...)` -> the same.

    Raises:
        InvalidArgument: If `rate` is not in [0, 1).

    Example:
        >>> y = GaussianDropout(0.5, seed=1)(keras.ops.ones((1000,)), training=True).numpy()
        >>> bool(abs(y.mean() - 1) < 0.15), bool(abs(y.std() - 1) < 0.15)
        (True, True)

    Reference:
        Srivastava et al. (2014), Journal of Machine Learning Research 15, 1929-1958, section 10.
    """

    def drop(self, inputs: Any) -> Any:
        """Multiplies by the noise."""
        deviation = math.sqrt(self.rate / (1 - self.rate))
        noise = ops.random_normal(tf.shape(inputs), self.seed_generator)
        return inputs * tf.cast(1 + deviation * noise, inputs.dtype)
