"""What layers give out on their way to a model's answers."""

import inspect
from collections.abc import Callable
from typing import Any

import keras

from kerasnn._core import model_outputs

Outputs = list[tuple[Any, Any]]


class Signals:
    """Runs a model in inference, and gives the outputs of its layers with an activation too.

    Of a model that computes by Python of its own there are only its answers.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._run: Callable[[Any], tuple[Any, Outputs]] | None = None

    def __call__(self, x: Any) -> tuple[Any, Outputs]:
        """Returns the model's outputs, and (layer, output) for each layer that is watched."""
        if self._run is None:
            if not self._model.built:
                self._model(x, training=False)
            is_sequential = type(self._model).call is keras.Sequential.call
            self._run = self._one_by_one if is_sequential else self._graph()
        return self._run(x)

    def _one_by_one(self, x: Any) -> tuple[Any, Outputs]:
        """Runs the layers of a Sequential."""
        made = []
        for layer in self._model.layers:
            takes_training = "training" in inspect.signature(layer.call).parameters
            x = layer(x, **({"training": False} if takes_training else {}))
            if _is_watched(layer):
                made.append((layer, x))
        return x, made

    def _graph(self) -> Callable[[Any], tuple[Any, Outputs]]:
        """Returns what runs a model whose graph ends with the outputs of its layers, too."""
        model = self._model
        pairs = [
            (layer, output)
            for layer, output in model_outputs.symbolic_outputs(model)
            if _is_watched(layer) and _reaches(model, output)
        ]
        if not pairs or not _is_functional(model):
            return lambda x: (model(x, training=False), [])
        watched = [layer for layer, _ in pairs]
        ends = [model.output, [output for _, output in pairs]]
        graph = keras.Model(model.input, ends, name="signals")

        def run(x: Any) -> tuple[Any, Outputs]:
            answers, made = graph(x, training=False)
            return answers, list(zip(watched, made, strict=True))

        return run


def _is_watched(layer: Any) -> bool:
    return model_outputs.activation_of(layer) in ("relu", "relu6", *model_outputs.RANGES)


def _is_functional(model: Any) -> bool:
    """Whether a model computes what its graph says, and not by a `call` of its own."""
    return type(keras.Model(model.input, model.output, name="plain")).call is type(model).call


def _reaches(model: Any, output: Any) -> bool:
    """Whether a symbol is made from the model's inputs, and not in another model."""
    try:
        keras.Model(model.input, output, name="reach")
    except (AttributeError, ValueError):
        return False
    return True
