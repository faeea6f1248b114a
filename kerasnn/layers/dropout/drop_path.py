"""Stochastic depth."""

from typing import Any

import keras
import tensorflow as tf

from kerasnn.layers.dropout.base import BaseDropout


@keras.saving.register_keras_serializable("kerasnn")
class DropPath(BaseDropout):
    """Sets whole examples to zero with probability `rate` while training.

    Forward:  y[b, ...] = x[b, ...] * m[b] / (1 - rate), m ~ Bernoulli(1 - rate)
              y = x                                        in inference
    Backward: dy/dx = m / (1 - rate), with the same m

    At the end of a residual branch, `x + DropPath(rate)(branch(x))`, it skips the branch: in
    training the network has a random depth, in inference the full one. In the paper the rate
    grows linearly from 0 at the first block to 0.5 at the last.

    Args:
        rate: Fraction of the examples set to zero, in [0, 1).
        seed: Seed of the mask. The default takes one from `keras.utils.set_random_seed`.

    Shape:
        `(batch, ...)` -> the same.

    Raises:
        InvalidArgument: If `rate` is not in [0, 1).

    Example:
        >>> y = DropPath(0.5)(keras.ops.ones((4, 3)), training=True).numpy()
        >>> bool((y == y[:, :1]).all())
        True

    Reference:
        Huang et al. (2016), arXiv:1603.09382. There the branch is scaled by 1 - rate in
        inference; here by 1 / (1 - rate) in training.
    """

    def mask_shape(self, inputs: Any) -> Any:
        """Returns the shape of one number for each example."""
        return [tf.shape(inputs)[0], *[1] * (len(inputs.shape) - 1)]
