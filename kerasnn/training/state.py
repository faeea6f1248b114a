"""What training changes."""

from typing import Any

from kerasnn._variables import variables_of


class State:
    """All variables of a model and its optimizers, as they are when this is made.

    TensorFlow copies a variable's buffer when it is next written to, so keeping the values is
    cheap until then.
    """

    def __init__(self, model: Any) -> None:
        self._values = [(v, v.value.value()) for v in variables_of(model)]

    def restore(self) -> None:
        """Puts everything back."""
        for variable, value in self._values:
            variable.assign(value)
