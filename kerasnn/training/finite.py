"""What is said, and done, when training leaves the finite numbers."""

from typing import Any

import keras
import numpy as np


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
        f"that is too high (it is {_rate(model)}; try a tenth of it, or `clipnorm=1.0` in the "
        "optimizer), inputs that are far from order one (use `normalize=True` or a "
        "`kerasnn.layers.Standardize`), or a loss that takes the logarithm of 0."
    )


class FiniteGuard(keras.callbacks.Callback):
    """Tests all weights and the loss after each epoch of Keras's own loop."""

    def on_train_begin(self, logs: Any = None) -> None:
        """Keeps the weights."""
        self._before = self.model.get_weights()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Raises, with the last finite weights put back, where something is not finite."""
        weights = self.model.get_weights()
        names = [
            variable.path
            for variable, value in zip(self.model.weights, weights, strict=True)
            if value.dtype.kind in "fV" and not np.isfinite(value.astype("float32")).all()
        ]
        if "loss" in (logs or {}) and not np.isfinite((logs or {})["loss"]):
            names.append("loss")
        if names:
            self.model.set_weights(self._before)
            raise not_finite(self.model, epoch, names)
        self._before = weights


def _rate(model: Any) -> str:
    try:
        return f"{float(model.optimizer.learning_rate):g}"
    except (AttributeError, TypeError, ValueError):
        return "not known"
