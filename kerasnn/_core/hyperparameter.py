"""Numbers that a traced program reads when it runs."""

from typing import Any

import tensorflow as tf


class Hyperparameter:
    """A number that a traced program reads when it runs, where it would else be a constant.

    It is a float64, so that what is computed from it before a cast has the same bits as in
    Python's own arithmetic.

    Args:
        value: The number.
    """

    def __init__(self, value: float) -> None:
        start = tf.constant(value, tf.float64)
        self._variable = tf.Variable(start, trainable=False)

    def assign(self, value: float) -> None:
        """Sets the number that the next run reads."""
        self._variable.assign(value)

    def read(self) -> Any:
        """Returns the number as a float64 tensor."""
        return self._variable.read_value()
