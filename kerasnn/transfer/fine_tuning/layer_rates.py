"""Smaller learning rates for earlier layers."""

from typing import Any

import keras

from kerasnn._core.callback import Callback
from kerasnn.transfer.freezing.trainability import leaves


class LayerRates(Callback):
    """Scales the step of each layer: w = old + factor * (new - old).

    Since the step of every optimizer is proportional to its learning rate, this equals the rate
    times the factor, weight decay included, for every optimizer.

    Args:
        model: The model to train.
        decay: Factor from each layer with trainable weights to the one before it.
        last: Factor of the last layer.

    Reference:
        Howard & Ruder (2018), arXiv:1801.06146, discriminative fine-tuning.
    """

    is_traced = True

    def __init__(self, model: keras.Model, decay: float, last: float) -> None:
        super().__init__()
        trained = [layer for layer in leaves(model) if layer.trainable_variables]
        self.factors = [last * decay**i for i in range(len(trained))][::-1]
        self._scaled = [
            (variable, factor)
            for layer, factor in zip(trained, self.factors, strict=True)
            for variable in layer.trainable_variables
            if factor != 1
        ]

    def before_step(self, model: Any) -> None:
        """Reads the weights before a step."""
        self._old = [variable.value.read_value() for variable, _ in self._scaled]

    def after_step(self, model: Any) -> None:
        """Shortens the step."""
        for (variable, factor), old in zip(self._scaled, self._old, strict=True):
            variable.assign(old + factor * (variable.value - old))
        self._old = []
