"""What training changes."""

from typing import Any

import keras


class State:
    """All variables of a model and its optimizers, as they are when this is made.

    TensorFlow copies a variable's buffer when it is next written to, so keeping the values is
    cheap until then.
    """

    def __init__(self, model: Any) -> None:
        # A step of the user's own may have several, which Keras does not track.
        held = [v for v in vars(model).values() if isinstance(v, keras.optimizers.Optimizer)]
        variables = [*model.variables, *(v for optimizer in held for v in optimizer.variables)]
        self._values = [(v, v.value.read_value()) for v in variables]

    def restore(self) -> None:
        """Puts everything back."""
        for variable, value in self._values:
            variable.assign(value)
