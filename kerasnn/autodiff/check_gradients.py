"""Check of gradients against central differences."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn.autodiff import _loss
from kerasnn.autodiff._double_precision import double_precision

# The truncation error grows with the square of the step, the rounding error with its inverse: the
# best step is about the cube root of float64's resolution.
_STEP = 1e-5
_FLOOR = 1e-4


@_checks.known_arguments
def check_gradients(
    model: keras.Model, x: Any, y: Any, *, samples: int = 50, seed: int = 0
) -> float:
    """Compares the gradient of the loss with central differences, weight by weight.

    error = |g - d| / max(|g|, |d|, |L| / 10_000), d = (L(w + h) - L(w - h)) / 2h,
    h = 1e-5 * max(1, |w|)

    g is the gradient used in training. The comparison runs in float64, on a copy of the model,
    in inference mode. A correct gradient gives an error below 1e-5; a wrong one, for example of
    a custom layer, usually above 1e-2. Derivatives below a ten-thousandth of the loss count as
    that size, because differences do not resolve them.

    A surrogate gradient is reported as wrong: `Threshold` and `Perceptron` give about 1. A kink,
    such as that of ReLU at 0, matters only where an input is within a step of it.

    Args:
        model: A compiled Keras model whose layers can be created from their configurations.
        x: Inputs, used as one batch; about ten rows are enough.
        y: Targets.
        samples: Number of weights to check in each array; all of a smaller one.
        seed: Seed of the choice of these weights.

    Returns:
        The largest relative error.

    Raises:
        InvalidArgument: If `model` is not a compiled Keras model with trainable weights and a
            finite loss and gradient, if it cannot be copied in float64, or if data or another
            argument is invalid.

    Example:
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, "tanh")])
        >>> model.compile(loss="mse")
        >>> check_gradients(model, np.ones((4, 3)), np.zeros((4, 2))) < 1e-6
        True
    """
    _loss.check_model(model)
    _checks.integer("samples", samples)
    _checks.integer("seed", seed, at_least=0)
    x, y = _loss.read(model, x, y, "float64")
    with double_precision(model, x) as copy:
        weights: list[Any] = [weight.value for weight in copy.trainable_weights]
        if not weights:
            got = f"`{model.name}`, which has none"
            raise _checks.InvalidArgument("model", "have trainable weights", model.name, got=got)
        # Traced once: eager calls would take a hundred times as long.
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
        # If both are exactly 0 they agree.
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
        raise _checks.InvalidArgument(
            "model",
            "have a finite loss and gradient on these rows",
            float(level),
            "Look for NaN or infinity in `x`, `y` and the weights.",
            got=f"loss {float(level)}",
        )
