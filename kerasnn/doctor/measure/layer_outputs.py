"""Outputs of a model's layers, computed in inference."""

import inspect
from collections.abc import Callable
from typing import Any

import keras

from kerasnn._core import model_outputs

Outputs = list[tuple[Any, Any]]


class LayerOutputs:
    """Runs a model in inference, and returns the outputs of its layers with an activation too.

    A subclassed model with a `call` of its own shows only its predictions.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._run: Callable[[Any], tuple[Any, Outputs]] | None = None

    def __call__(self, x: Any) -> tuple[Any, Outputs]:
        """Returns the predictions, and (layer, output) for each layer with an activation."""
        if self._run is None:
            if not self._model.built:
                self._model(x, training=False)
            is_sequential = type(self._model).call is keras.Sequential.call
            self._run = self._layer_by_layer if is_sequential else self._graph()
        return self._run(x)

    def _layer_by_layer(self, x: Any) -> tuple[Any, Outputs]:
        """Runs the layers of a Sequential."""
        outputs = []
        for layer in self._model.layers:
            takes_training = "training" in inspect.signature(layer.call).parameters
            x = layer(x, **({"training": False} if takes_training else {}))
            if _is_watched(layer):
                outputs.append((layer, x))
        return x, outputs

    def _graph(self) -> Callable[[Any], tuple[Any, Outputs]]:
        """Returns a function that runs the model's graph up to the layers' outputs as well."""
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
            predictions, outputs = graph(x, training=False)
            return predictions, list(zip(watched, outputs, strict=True))

        return run


def _is_watched(layer: Any) -> bool:
    return model_outputs.activation_of(layer) in ("relu", "relu6", *model_outputs.RANGES)


def _is_functional(model: Any) -> bool:
    """Whether a model runs its graph, and not a `call` of its own."""
    return type(keras.Model(model.input, model.output, name="plain")).call is type(model).call


def _reaches(model: Any, output: Any) -> bool:
    """Whether a symbolic output depends on this model's inputs, not on another model's."""
    try:
        keras.Model(model.input, output, name="reach")
    except (AttributeError, ValueError):
        return False
    return True
