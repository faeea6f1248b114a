"""Dropout."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from kerasnn import _checks, ops


@keras.saving.register_keras_serializable("kerasnn")
class Dropout(keras.layers.Layer):
    """Sets each input to zero with probability `rate` while training.

    Forward:  y = x * m / (1 - rate), m ~ Bernoulli(1 - rate)   in training
              y = x                                             in inference
    Backward: dy/dx = m / (1 - rate), with the same m

    What is kept is scaled up in training ("inverted" dropout), so the expectation of y is x
    and inference needs no scaling. The random bits come from a counter-based generator, which
    keeps the layer cheap inside compiled programs; `keras.layers.Dropout` is many times slower
    there on a CPU.

    Args:
        rate: Share of the inputs set to zero, in [0, 1).
        noise_shape: Shape of the mask, broadcast against the input; None in it takes the
            input's size. The default drops every element on its own.
        seed: Seed of the mask. The default takes one from `keras.utils.set_random_seed`.

    Shape:
        `(batch, ...)` -> the same.

    Raises:
        ValueError: If `rate` is not in [0, 1).

    Example:
        >>> bool((Dropout(0.5)(keras.ops.ones((2, 3))) == 1).numpy().all())
        True

    Reference:
        Srivastava et al. (2014), Journal of Machine Learning Research 15, 1929-1958.
    """

    def __init__(
        self,
        rate: float,
        *,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        _checks.rate("rate", rate, "To switch dropout off, use 0.")
        if seed is not None:
            _checks.whole_number("seed", seed, at_least=0)
        if noise_shape is not None:
            _check_noise_shape(noise_shape)
        super().__init__(**kwargs)
        self.rate = rate
        self.noise_shape = noise_shape
        self.seed = seed
        self.supports_masking = True
        if rate > 0:
            self.seed_generator = keras.random.SeedGenerator(seed)
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Drops where training; the identity elsewhere."""
        if not training or self.rate == 0:
            return inputs
        shape = tf.shape(inputs)
        if self.noise_shape is not None:
            _check_noise_shape(self.noise_shape, inputs.shape)
            shape = [shape[i] if n is None else n for i, n in enumerate(self.noise_shape)]
        keep = ops.random_uniform(shape, self.seed_generator) >= self.rate
        scale = tf.cast(1 / (1 - self.rate), inputs.dtype)
        return tf.where(keep, inputs * scale, tf.zeros([], inputs.dtype))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {
            **super().get_config(),
            "rate": self.rate,
            "noise_shape": self.noise_shape,
            "seed": self.seed,
        }


def _check_noise_shape(noise_shape: Any, shape: Sequence[int | None] | None = None) -> None:
    """Raises unless a mask of `noise_shape` spreads over inputs of `shape`."""
    fits = isinstance(noise_shape, (tuple, list)) and all(
        n is None or (isinstance(n, int) and n > 0) for n in noise_shape
    )
    if shape is not None:
        fits = len(noise_shape) == len(shape) and all(
            n in (None, 1, size) or size is None for n, size in zip(noise_shape, shape, strict=True)
        )
    if not fits:
        inputs = "" if shape is None else f", that spread over inputs of shape {tuple(shape)}"
        raise _checks.wrong("noise_shape", f"hold sizes, or None{inputs}", noise_shape)
