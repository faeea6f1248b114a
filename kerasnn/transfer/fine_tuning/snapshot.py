"""What a model was before it was fine-tuned."""

from typing import Any

import keras

from kerasnn._core.model import State, all_layers


class Before:
    """What to put back where no step could be trained: flags, statistics and the optimizer.

    Args:
        model: A compiled model.
    """

    def __init__(self, model: Any) -> None:
        self._model, self._optimizer = model, model.optimizer
        self._steps = int(model.optimizer.iterations)
        self._state = State(model)
        # A flag of a model is set for all that is in it, so that it comes before them.
        self._flags = [(layer, layer.trainable) for layer in (model, *all_layers(model))]
        rate = model.optimizer.learning_rate
        self._rate = float(rate.numpy()) if isinstance(rate, keras.Variable) else None

    def restore_if_untrained(self) -> None:
        """Puts all back where no step has been made since."""
        if int(self._model.optimizer.iterations) > self._steps:
            return
        for layer, flag in self._flags:
            layer.trainable = flag
        self._model.optimizer = self._optimizer
        self._state.restore()

    def restore_rate(self) -> None:
        """Puts the learning rate back, which must be a number."""
        self._model.optimizer.learning_rate = self._rate
