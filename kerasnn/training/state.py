"""What training changes."""

from typing import Any

from kerasnn._variables import variables_of


class State:
    """All variables of a model and its optimizers, as they are when this is made.

    TensorFlow copies a variable's buffer when it is next written to, so keeping the values is
    cheap until then.

    Args:
        model: The model.
        metrics: Whether the variables of metrics are kept too, which start anew in each epoch.
    """

    def __init__(self, model: Any, *, metrics: bool = False) -> None:
        self._model, self._metrics = model, metrics
        self._values: list[tuple[Any, Any]] = []
        self.add_new()

    def add_new(self) -> None:
        """Keeps the variables too that were made since, such as those of a model just built."""
        known = {id(variable) for variable, _ in self._values}
        metrics = self._model.metrics_variables if self._metrics else []
        self._values += [
            (variable, variable.value.value())
            for variable in [*variables_of(self._model), *metrics]
            if id(variable) not in known
        ]

    def restore(self) -> None:
        """Puts everything back."""
        if self._metrics:
            # Those that were made since start anew.
            self._model.reset_metrics()
        for variable, value in self._values:
            variable.assign(value)
