"""Error for NaN in weights or loss; its test in Keras's loop (in programs: `train_step`)."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnn import _checks, layers, optimizers
from kerasnn._core.model import State, all_layers

# A usual rate of SGD for targets of variance 1.
_SGD_RATE = 1e-2


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
        "infinity. The model has the last finite weights again. "
        f"{_sgd_cause(model) or _causes(model)}"
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


def _causes(model: Any) -> str:
    rate = _rate(model)
    given = f"it is {rate:g}; " if rate else ""
    return (
        f"Likely causes: a learning rate that is too high ({given}try a tenth of it, or "
        "`clipnorm=1.0` in the optimizer), inputs that are far from order one (use "
        "`normalize=True` or a `kerasnn.layers.Standardize`), numbers to predict that are far from "
        "order one (divide them by their standard deviation), or a loss that takes the logarithm "
        "of 0."
    )


def _sgd_cause(model: Any) -> str:
    """Returns the rate that SGD needs under squared errors in units of the targets, in words.

    Nothing where that is not the likely cause.
    """
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    is_sgd = isinstance(optimizer, (keras.optimizers.SGD, optimizers.SGD))
    is_squared = _is_squared(model.loss)
    units = [each for each in all_layers(model) if isinstance(each, layers.Standardize)]
    variance = max((float(np.max(u.variance)) for u in units if u.invert and u.adapted), default=1)
    if not is_sgd or not is_squared or variance <= 1 or _rate(model) <= _SGD_RATE / variance:
        return ""
    return (
        f"The likely cause is the learning rate, which is {_rate(model):g}. The loss is in the "
        f"squared units of the targets, whose variance is {variance:.3g}, and the steps of SGD "
        f"grow with it. Use learning_rate={_SGD_RATE / variance:.2g}, which is {_SGD_RATE:g} / "
        "y.var(), or Adam, whose steps do not depend on the units."
    )


def _is_squared(loss: Any) -> bool:
    return isinstance(loss, keras.losses.MeanSquaredError) or _checks.is_one_of(
        loss, "mse", "mean_squared_error"
    )


def _rate(model: Any) -> float:
    """Returns the rate, or 0 where it cannot be read."""
    try:
        return float(np.asarray(model.optimizer.learning_rate))
    except (AttributeError, TypeError, ValueError):
        return 0.0
