"""Numbers that a program reads when it runs."""

from typing import Any

import tensorflow as tf


class Live:
    """Stands in for a number that a program would else hold as a constant.

    It is kept in float64, so that what is computed from it before it is cast has the bits that
    Python's own arithmetic would give it.
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
