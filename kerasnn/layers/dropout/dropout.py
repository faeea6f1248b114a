"""Dropout."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from kerasnn import _checks
from kerasnn.layers.dropout.base import BaseDropout, check_noise_shape


@keras.saving.register_keras_serializable("kerasnn")
class Dropout(BaseDropout):
    """Sets each input to zero with probability `rate` while training.

    Forward:  y = x * m / (1 - rate), m ~ Bernoulli(1 - rate)   in training
              y = x                                             in inference
    Backward: dy/dx = m / (1 - rate), with the same m

    Kept inputs are scaled up in training ("inverted" dropout), so that the expectation of y is
    x and inference needs no scaling. The random bits come from a counter-based generator, which
    keeps the layer cheap inside compiled programs; `keras.layers.Dropout` is many times slower
    there on a CPU.

    Args:
        rate: Fraction of the inputs set to zero, in [0, 1).
        noise_shape: Shape of the mask, broadcast against the input; None in it takes the
            input's size. By default each element is dropped independently.
        seed: Seed of the mask. The default takes one from `keras.utils.set_random_seed`.
        anneal: Whether the rate stays for the first half of each training by `kerasnn.fit`, and
            falls to 0 along half a cosine in the second, so that the last epochs fit without
            noise. Outside of such a training it is `rate`.

    Shape:
        `(batch, ...)` -> the same.

    Raises:
        InvalidArgument: If `rate` is not in [0, 1), or `noise_shape` cannot be broadcast against
            the inputs.

    Example:
        >>> bool((Dropout(0.5)(keras.ops.ones((2, 3))) == 1).numpy().all())
        True

    Reference:
        Srivastava et al. (2014), Journal of Machine Learning Research 15, 1929-1958. Annealed:
        Holzmueller, Grinsztajn & Steinwart (2024), arXiv:2407.04491.
    """

    @_checks.ends_with_caller
    def __init__(
        self,
        rate: float,
        *,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        anneal: bool = False,
        **kwargs: Any,
    ) -> None:
        if noise_shape is not None:
            check_noise_shape(noise_shape)
        _checks.boolean("anneal", anneal)
        super().__init__(rate, seed=seed, **kwargs)
        self.noise_shape = noise_shape
        self.anneal = anneal
        if anneal:
            # Steps of the training that runs, 0 outside of one, and those that are done.
            create = {"shape": (), "initializer": "zeros", "trainable": False, "autocast": False}
            self.length: Any = self.add_weight(name="length", dtype="float32", **create)
            self.done: Any = self.add_weight(name="done", dtype="float32", **create)

    def begin(self, steps: int, done: int = 0) -> None:
        """Called by `kerasnn.fit` at the start of training, and with 0 steps at its end.

        Args:
            steps: Number of steps of the whole training.
            done: Number of those that a continued training has done.
        """
        if self.anneal:
            self.length.assign(steps)
            self.done.assign(done)

    def current_rate(self) -> Any:
        """Returns the rate of a training step, and counts the step."""
        if not self.anneal:
            return self.rate
        length, done = (tf.convert_to_tensor(v) for v in (self.length, self.done))
        self.done.assign(done + 1)
        # From 0 in the middle of training to 1 at its end.
        late = tf.clip_by_value(2 * done / tf.maximum(length, 1.0) - 1, 0.0, 1.0)
        factor = tf.where(length > 0, (1 + tf.cos(math.pi * late)) / 2, 1.0)
        return self.rate * factor

    def mask_shape(self, inputs: Any) -> Any:
        """Returns `noise_shape`, with the input's sizes in place of None."""
        shape = tf.shape(inputs)
        if self.noise_shape is None:
            return shape
        sizes = tuple(inputs.shape)
        if len(self.noise_shape) != len(sizes) or not all(
            n in (None, 1, size) or size is None
            for n, size in zip(self.noise_shape, sizes, strict=True)
        ):
            raise _checks.InvalidArgument(
                "noise_shape",
                "be a shape that can be broadcast against the inputs",
                self.noise_shape,
                got=f"noise_shape={self.noise_shape} for inputs of shape {sizes}",
            )
        return [shape[i] if n is None else n for i, n in enumerate(self.noise_shape)]

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {**super().get_config(), "noise_shape": self.noise_shape, "anneal": self.anneal}
