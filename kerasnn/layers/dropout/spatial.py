"""Dropout of whole channels."""

from typing import Any

import keras
import tensorflow as tf

from kerasnn.layers.dropout.base import BaseDropout


@keras.saving.register_keras_serializable("kerasnn")
class SpatialDropout(BaseDropout):
    """Sets whole channels to zero with probability `rate` while training.

    Forward:  y[b, ..., c] = x[b, ..., c] * m[b, c] / (1 - rate), m ~ Bernoulli(1 - rate)
              y = x                                                 in inference
    Backward: dy/dx = m / (1 - rate), with the same m

    Neighbouring pixels, or time steps, are strongly correlated: dropping single ones removes
    little information. There may be any number of axes between batch and channels; with none,
    this is `Dropout`.

    Args:
        rate: Fraction of the channels set to zero, in [0, 1).
        seed: Seed of the mask. The default takes one from `keras.utils.set_random_seed`.

    Shape:
        `(batch, ..., channels)` -> the same.

    Raises:
        InvalidArgument: If `rate` is not in [0, 1).

    Example:
        >>> y = SpatialDropout(0.5)(keras.ops.ones((1, 8, 8, 6)), training=True).numpy()
        >>> bool((y == y[:, :1, :1]).all())
        True

    Reference:
        Tompson et al. (2015), arXiv:1411.4280.
    """

    def __init__(self, rate: float, *, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(rate, seed=seed, **kwargs)
        self.input_spec = keras.layers.InputSpec(min_ndim=2)

    def mask_shape(self, inputs: Any) -> Any:
        """Returns the shape of one number for each channel of each example."""
        shape = tf.shape(inputs)
        return [shape[0], *[1] * (len(inputs.shape) - 2), shape[-1]]
