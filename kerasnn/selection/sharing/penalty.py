"""A penalty whose factors are read when a program runs."""

from typing import Any

import keras
import tensorflow as tf

from kerasnn._core.hyperparameter import Hyperparameter


class Penalty(keras.regularizers.Regularizer):
    """Adds l1 * sum(abs(W)) + l2 * sum(W**2), as `keras.regularizers.L1L2` does.

    Args:
        start: An `L1`, `L2` or `L1L2` of Keras. A factor of zero leaves its term out for good.
    """

    def __init__(self, start: Any) -> None:
        self._factors = {
            name: Hyperparameter(float(getattr(start, name)))
            for name in ("l1", "l2")
            if getattr(start, name, 0)
        }

    def copy(self, start: Any) -> None:
        """Takes the factors of another penalty with the same terms."""
        for name, factor in self._factors.items():
            factor.assign(float(getattr(start, name)))

    def __call__(self, x: Any) -> Any:
        """Returns the penalty on a weight."""
        total = tf.zeros([], x.dtype)
        for name, factor in self._factors.items():
            size = tf.abs if name == "l1" else tf.square
            total += tf.cast(factor.read(), x.dtype) * tf.reduce_sum(size(x))
        return total
