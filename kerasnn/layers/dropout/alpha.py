"""Dropout for self-normalising networks."""

from typing import Any

import keras
import tensorflow as tf

from kerasnn.layers.dropout.dropout import Dropout

# SELU's limit towards minus infinity, -lambda * alpha.
_LOWEST = -1.7580993408473766


@keras.saving.register_keras_serializable("kerasnn")
class AlphaDropout(Dropout):
    """Sets each input to SELU's lowest value with probability `rate` while training.

    Forward:  y = a (x m + s (1 - m)) + b, m ~ Bernoulli(q)   in training, with q = 1 - rate,
                  s = -1.7581, a = (q + s^2 q (1 - q))^(-1/2) and b = -a (1 - q) s
              y = x                                            in inference
    Backward: dy/dx = a m, with the same m

    a and b preserve the mean 0 and variance 1 that SELU gives its outputs, and that zeros would
    change. Use it after `activation="selu"`, and `Dropout` elsewhere. The expectation of an
    input is not preserved: E[y] = a q x.

    Args:
        rate: Fraction of the inputs that are dropped, in [0, 1).
        noise_shape: Shape of the mask, broadcast against the input; None in it takes the
            input's size. By default each element is dropped independently.
        seed: Seed of the mask. The default takes one from `keras.utils.set_random_seed`.
        anneal: Whether the rate falls to 0 in the second half of each training by `kerasnn.fit`,
            as that of `Dropout`.

    Shape:
        `(batch, ...)` -> the same.

    Raises:
        InvalidArgument: If `rate` is not in [0, 1), or `noise_shape` cannot be broadcast against
            the inputs.

    Example:
        >>> x = keras.random.normal((1000,), seed=1)
        >>> y = AlphaDropout(0.2, seed=1)(x, training=True).numpy()
        >>> bool(abs(y.mean()) < 0.15), bool(abs(y.std() - 1) < 0.15)
        (True, True)

    Reference:
        Klambauer et al. (2017), arXiv:1706.02515.
    """

    def drop(self, inputs: Any) -> Any:
        """Sets masked inputs to the lowest value, and restores mean and variance."""
        rate = self.current_rate()
        q = 1 - rate
        a = (q + _LOWEST**2 * q * (1 - q)) ** -0.5
        b = -a * (1 - q) * _LOWEST
        scale, offset, dropped = (tf.cast(n, inputs.dtype) for n in (a, b, a * _LOWEST + b))
        return tf.where(self.kept(self.mask_shape(inputs), rate), inputs * scale + offset, dropped)
