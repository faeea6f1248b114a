"""Error for NaN in weights or loss, and its test in Keras's own loop."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn._core.model import State


def not_finite(model: Any, epoch: int, names: list[str]) -> FloatingPointError:
    """Returns the error for weights or a loss that are not finite.

    Args:
        model: The model, as it is again.
        epoch: Number of the epoch that failed, from 0.
        names: Paths of the weights that were not finite, in the model's order; or `"loss"`.
    """
    where = "the loss" if names[0] == "loss" else f"`{names[0]}`"
    more = len([name for name in names[1:] if name != "loss"])
    others = f" and {more} other weights" if more else ""
    return FloatingPointError(
        f"Training left the finite numbers in epoch {epoch + 1}: {where}{others} held NaN or "
        f"infinity. The model has the last finite weights again. Likely causes: a learning rate "
        f"that is too high ({_rate(model)}try a tenth of it, or `clipnorm=1.0` in the "
        "optimizer), inputs that are far from order one (use `normalize=True` or a "
        "`kerasnn.layers.Standardize`), numbers to predict that are far from order one under an "
        "optimizer whose steps grow with the gradient, such as SGD (divide them by their standard "
        "deviation, or use Adam), or a loss that takes the logarithm of 0."
    )


class FiniteGuard(keras.callbacks.Callback):
    """Tests all weights and the loss after each epoch of Keras's own loop."""

    model: Any

    def on_train_begin(self, logs: Any = None) -> None:
        """Keeps the weights."""
        self._before = State(self.model)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Raises, with the last finite weights put back, where something is not finite."""
        names = [v.path for v in self.model.weights if not _is_finite(v)]
        if "loss" in (logs or {}) and not np.isfinite((logs or {})["loss"]):
            names.append("loss")
        if names:
            self._before.restore()
            raise not_finite(self.model, epoch, names)
        self._before = State(self.model)


def _is_finite(variable: Any) -> bool:
    value = variable.value
    return not value.dtype.is_floating or bool(tf.reduce_all(tf.math.is_finite(value)))


def _rate(model: Any) -> str:
    """Returns the rate in words, or nothing where a schedule starts from 0."""
    try:
        rate = float(np.asarray(model.optimizer.learning_rate))
    except (AttributeError, TypeError, ValueError):
        return ""
    return f"it is {rate:g}; " if rate else ""
