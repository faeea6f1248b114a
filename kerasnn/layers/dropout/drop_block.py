"""Dropout of contiguous blocks."""

from typing import Any

import keras
import tensorflow as tf

from kerasnn import _checks, ops
from kerasnn.layers.dropout.base import BaseDropout


@keras.saving.register_keras_serializable("kerasnn")
class DropBlock(BaseDropout):
    """Sets contiguous blocks of each channel to zero while training.

    Forward:  y = x * m * size(m) / sum(m)   in training
              y = x                          in inference
    Backward: dy/dx = m * size(m) / sum(m), with the same m

    The mask m is 0 on every square of side `block_size` whose first corner is drawn, with
    probability gamma. Squares lie inside the map, so that for a map of h x w pixels

        gamma = rate / block_size^2 * h w / ((h - block_size + 1) (w - block_size + 1))

    Squares may overlap, which this gamma ignores: slightly less than `rate` is dropped (0.095 of
    a large map at rate 0.1), less at the margins and more in the middle. Kept inputs are scaled
    by the fraction kept in the whole batch. There may be one axis between batch and channels
    (sequences), two (images) or three (volumes); with none, blocks are single elements.

    Args:
        rate: Fraction of the inputs to set to zero, in [0, 1).
        block_size: Side of a block, in pixels.
        seed: Seed of the mask. The default takes one from `keras.utils.set_random_seed`.

    Shape:
        `(batch, height, width, channels)` -> the same.

    Raises:
        InvalidArgument: If `rate` is not in [0, 1), or `block_size` is not a positive integer or is
            larger than the inputs.

    Example:
        >>> y = DropBlock(0.2, 3, seed=1)(keras.ops.ones((1, 9, 9, 4)), training=True).numpy()
        >>> bool(abs(y.mean() - 1) < 1e-6)
        True

    Reference:
        Ghiasi, Lin & Le (2018), arXiv:1810.12890.
    """

    @_checks.ends_with_caller
    def __init__(
        self, rate: float, block_size: int = 7, *, seed: int | None = None, **kwargs: Any
    ) -> None:
        _checks.integer("block_size", block_size)
        super().__init__(rate, seed=seed, **kwargs)
        self.block_size = block_size
        self.input_spec = keras.layers.InputSpec(min_ndim=2)

    def drop(self, inputs: Any) -> Any:
        """Sets the blocks to zero, and scales up the rest."""
        self._check_sides(inputs.shape)
        kept = 1 - self._blocks(tf.shape(inputs), len(inputs.shape) - 2)
        scale = tf.math.divide_no_nan(tf.cast(tf.size(kept), kept.dtype), tf.reduce_sum(kept))
        return inputs * tf.cast(kept * scale, inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {**super().get_config(), "block_size": self.block_size}

    def _check_sides(self, shape: Any) -> None:
        sides = [side for side in shape[1:-1] if side is not None]
        if sides and min(sides) < self.block_size:
            raise _checks.InvalidArgument(
                "block_size",
                f"be at most {min(sides)}, the smallest side of inputs of shape {tuple(shape)}",
                self.block_size,
            )

    def _blocks(self, shape: Any, axes: int) -> tf.Tensor:
        """Draws blocks: 1 inside of one, 0 elsewhere."""
        sides = shape[1:-1]
        starts = sides - self.block_size + 1
        ratio = tf.reduce_prod(tf.cast(sides / starts, tf.float32))
        gamma = self.rate / self.block_size**axes * ratio
        drawn_shape = tf.concat([shape[:1], starts, shape[-1:]], 0)
        drawn = ops.random_uniform(drawn_shape, self.seed_generator) < gamma
        blocks = tf.cast(drawn, tf.float32)
        if axes == 0 or self.block_size == 1:
            return blocks
        # A pixel is in a block if one of the last `block_size` pixels is the start of one.
        reach = self.block_size - 1
        blocks = tf.pad(blocks, [(0, 0), *[(reach, reach)] * axes, (0, 0)])
        return tf.nn.max_pool(blocks, ksize=self.block_size, strides=1, padding="VALID")
