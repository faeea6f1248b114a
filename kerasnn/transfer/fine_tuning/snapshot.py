"""Snapshot of a model before fine-tuning."""

from typing import Any

import keras

from kerasnn._core.model import State, all_layers


class Snapshot:
    """State to restore if no step could be trained: flags, statistics, optimizer, learning rate.

    Args:
        model: A compiled model.
    """

    def __init__(self, model: Any) -> None:
        self._model, self._optimizer = model, model.optimizer
        self._steps = int(model.optimizer.iterations.numpy())
        self._state = State(model)
        # Setting the flag of a model sets those of its layers, so it is restored first.
        self._flags = [(layer, layer.trainable) for layer in (model, *all_layers(model))]
        rate = model.optimizer.learning_rate
        self._rate = float(rate.numpy()) if isinstance(rate, keras.Variable) else None

    def restore_if_untrained(self) -> None:
        """Restores the model if no step was trained since."""
        if int(self._model.optimizer.iterations.numpy()) > self._steps:
            return
        for layer, flag in self._flags:
            layer.trainable = flag
        self._model.optimizer = self._optimizer
        self._state.restore()

    def restore_rate(self) -> None:
        """Restores the learning rate, which has to be a number."""
        self._model.optimizer.learning_rate = self._rate
