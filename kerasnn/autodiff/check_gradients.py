"""Automatic differentiation against differences."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn.autodiff import _loss
from kerasnn.autodiff._double_precision import double_precision

# Truncation grows with the square of the step, and roundoff with its inverse: they meet at the
# cube root of float64's resolution.
_STEP = 1e-5
_FLOOR = 1e-4


@_checks.known_arguments
def check_gradients(
    model: keras.Model, x: Any, y: Any, *, samples: int = 50, seed: int = 0
) -> float:
    """Compares the gradient of the loss with central differences, weight by weight.

    error = |g - d| / max(|g|, |d|, |L| / 10_000), d = (L(w + h) - L(w - h)) / 2h,
    h = 1e-5 * max(1, |w|)

    g is what training would follow. The comparison runs in float64, on a copy of the model, in
    inference. A correct gradient gives below 1e-5; a wrong one, of a custom layer for example,
    usually above 1e-2. Derivatives below a ten-thousandth of the loss count as that size,
    because differences do not resolve them.

    A gradient that was chosen rather than true is found to be wrong, and it is: `Threshold` and
    `Perceptron` give about 1. A kink, such as ReLU's at 0, shows only where a row lies within a
    step of it: there the difference sees both sides.

    Args:
        model: A compiled Keras model, of layers that can be made again from their configs.
        x: Inputs, taken as one batch; some ten rows are enough.
        y: Targets.
        samples: Numbers to look at in each weight array; all where it holds no more.
        seed: Seed of the choice of those numbers.

    Returns:
        The largest relative error.

    Raises:
        ValueError: If `model` is not a compiled Keras model with trainable weights, if it cannot
            be made again in float64, if data cannot be right, if the loss or a gradient is not
            finite, or if `samples` or `seed` is not a whole number in its range.

    Example:
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, "tanh")])
        >>> model.compile(loss="mse")
        >>> check_gradients(model, np.ones((4, 3)), np.zeros((4, 2))) < 1e-6
        True
    """
    _loss.check_model(model)
    _checks.whole_number("samples", samples)
    _checks.whole_number("seed", seed, at_least=0)
    x, y = _loss.read(model, x, y, "float64")
    with double_precision(model, x) as copy:
        weights: list[Any] = [weight.value for weight in copy.trainable_weights]
        if not weights:
            raise ValueError(f"`model` must have trainable weights; `{model.name}` has none.")
        # Traced once: eager calls would cost a hundred times more, for every number.
        loss = tf.function(lambda: _loss.of(copy, x, y))
        with tf.GradientTape() as tape:
            level = loss()
        gradients = tape.gradient(
            level, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        _check_finite(level, gradients)
        rng = np.random.default_rng(seed)
        floor = _FLOOR * abs(float(level))
        return max(
            _largest_error(loss, weight, tf.convert_to_tensor(gradient), rng, samples, floor)
            for weight, gradient in zip(weights, gradients, strict=True)
        )


def _largest_error(
    loss: Any,
    weight: tf.Variable,
    gradient: tf.Tensor,
    rng: np.random.Generator,
    samples: int,
    floor: float,
) -> float:
    values, exact = weight.numpy(), gradient.numpy()
    chosen = rng.permutation(values.size)[:samples]
    worst = 0.0
    for index in zip(*np.unravel_index(chosen, values.shape), strict=True):
        value = float(values[index])
        step = _STEP * max(1.0, abs(value))
        up, down = value + step, value - step
        high, low = _moved(loss, weight, index, up), _moved(loss, weight, index, down)
        _moved_back(weight, index, value)
        difference = (high - low) / (up - down)
        size = max(abs(exact[index]), abs(difference), floor)
        # Where both are exactly 0 they agree.
        worst = max(worst, abs(exact[index] - difference) / size if size else 0.0)
    return float(worst)


def _moved(loss: Any, weight: tf.Variable, index: tuple[int, ...], value: float) -> float:
    _moved_back(weight, index, value)
    return float(loss())


def _moved_back(weight: tf.Variable, index: tuple[int, ...], value: float) -> None:
    if index:
        weight.scatter_nd_update([index], [value])
    else:
        weight.assign(value)


def _check_finite(level: tf.Tensor, gradients: list[Any]) -> None:
    finite = np.isfinite(float(level))
    if not finite or not all(np.isfinite(tf.convert_to_tensor(g)).all() for g in gradients):
        raise ValueError(
            f"`model` must have a finite loss and gradient on these rows; got loss {float(level)}."
            " Look for NaN or infinity in `x`, `y` and the weights."
        )
