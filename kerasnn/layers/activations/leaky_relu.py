"""Leaky ReLU with a fixed, learned or random slope."""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from kerasnn import _checks
from kerasnn._checks import layers
from kerasnn.ops import random_uniform

_NEGATIVE_SLOPE = 0.01


@keras.saving.register_keras_serializable("kerasnn")
class LeakyReLU(keras.layers.Layer):
    """Multiplies negative inputs by a small slope, so that no unit dies.

    Forward:  y = x if x > 0 else a x
    Backward: dy/dx = 1 if x > 0 else a (chosen at x = 0, where there is no derivative)
              dy/da = 0 if x > 0 else x

    | arguments               | a                                                             |
    |-------------------------|---------------------------------------------------------------|
    | `negative_slope`        | that number: leaky ReLU                                       |
    | `learn_slope=True`      | a weight for each channel, initially `negative_slope`: PReLU  |
    | `randomize=(low, high)` | drawn for each number in training; (low + high) / 2 elsewhere |

    Args:
        negative_slope: a, at least 0, or its initial value where it is learned (0.25 in the
            paper).
        learn_slope: Whether a is learned, one for each index of the last axis.
        randomize: Bounds of a random a, uniform in [low, high).
        seed: Seed of a random a. The default takes one from `keras.utils.set_random_seed`.

    Shape:
        `(batch, ..., channels)` -> the same.

    Raises:
        InvalidArgument: If `negative_slope` is not a finite number of at least 0, `randomize` is
            not a pair of such numbers in ascending order, or two options contradict each other.

    Example:
        >>> LeakyReLU(0.1)(keras.ops.array([-1.0, 0.0, 2.0])).numpy()
        array([-0.1,  0. ,  2. ], dtype=float32)

    Reference:
        Leaky: Maas, Hannun & Ng (2013), Rectifier nonlinearities improve neural network acoustic
        models. Parametric: He et al. (2015), arXiv:1502.01852. Randomised: Xu et al. (2015),
        arXiv:1505.00853.
    """

    @_checks.ends_with_caller
    def __init__(
        self,
        negative_slope: float = _NEGATIVE_SLOPE,
        *,
        learn_slope: bool = False,
        randomize: tuple[float, float] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        _checks.number("negative_slope", negative_slope, at_least=0, hint="0 is the plain ReLU.")
        seed = layers.seed_or_none(seed)
        _check_options(negative_slope, learn_slope, randomize, seed)
        super().__init__(**kwargs)
        self.negative_slope = negative_slope
        self.learn_slope = learn_slope
        self.randomize = randomize
        self.seed = seed
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(min_ndim=2 if learn_slope else 1)
        if randomize is not None:
            self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape: Any) -> None:
        """Creates the slopes if they are learned."""
        if self.learn_slope:
            self.slope = self.add_weight(
                shape=(layers.feature_count(self, input_shape),),
                initializer=keras.initializers.Constant(self.negative_slope),
                name="slope",
            )

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Multiplies negative inputs by the slope."""
        inputs = layers.real_numbers(self, inputs)
        return ops.where(inputs > 0, inputs, inputs * self._slope(inputs, training))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {
            **super().get_config(),
            "negative_slope": self.negative_slope,
            "learn_slope": self.learn_slope,
            "randomize": self.randomize,
            "seed": self.seed,
        }

    def _slope(self, inputs: Any, training: bool) -> Any:
        if self.learn_slope:
            return self.slope
        if self.randomize is None:
            return ops.cast(self.negative_slope, inputs.dtype)
        low, high = self.randomize
        if not training:
            return ops.cast((low + high) / 2, inputs.dtype)
        uniform = random_uniform(tf.shape(inputs), self.seed_generator)
        return ops.cast(low + (high - low) * uniform, inputs.dtype)


def _check_options(negative_slope: float, learn_slope: Any, randomize: Any, seed: Any) -> None:
    _checks.boolean("learn_slope", learn_slope)
    if randomize is None:
        if seed is not None:
            hint = "Give the bounds of a random slope, `randomize=(low, high)`."
            raise _checks.InvalidArgument("seed", "be left out where nothing is random", seed, hint)
        return
    if not isinstance(randomize, (tuple, list)) or len(randomize) != 2:
        hint = "Xu et al. use (1/8, 1/3)."
        raise _checks.InvalidArgument(
            "randomize", "be a pair of slopes, (low, high)", randomize, hint
        )
    low, high = randomize
    _checks.number("randomize[0]", low, at_least=0)
    _checks.number("randomize[1]", high, above=low)
    if learn_slope:
        hint = "A slope is either learned or random."
        raise _checks.InvalidArgument(
            "randomize", "be left out with learn_slope=True", randomize, hint
        )
    if negative_slope != _NEGATIVE_SLOPE:
        hint = "The mean of `randomize` takes its place."
        raise _checks.InvalidArgument(
            "negative_slope", "be left out with `randomize`", negative_slope, hint
        )
