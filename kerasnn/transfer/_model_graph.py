"""Layers of a model in order, and the cuts that divide it into a frozen and a trained part."""

from collections.abc import Sequence
from typing import Any

import keras

from kerasnn import _checks, layers
from kerasnn.models.model import Model
from kerasnn.models.sequential import Sequential

POOLINGS = {
    "avg": keras.layers.GlobalAveragePooling2D,
    "max": keras.layers.GlobalMaxPooling2D,
    "flatten": keras.layers.Flatten,
}

_STATISTICS = (layers.RobustScale, layers.Standardize, keras.layers.Normalization)


class ModelGraph:
    """Layers of a model in the order in which they run.

    Cut i lies before layer i. A graph of layers can be cut only where a single tensor passes.

    Args:
        model: A functional or `Sequential` model with one image input.

    Attributes:
        model: The model.
        layers: Its layers.
        image: Its symbolic input.

    Raises:
        InvalidArgument: If `model` is not a Keras model, has its own `call`, or several inputs.
    """

    def __init__(self, model: keras.Model) -> None:
        if not isinstance(model, keras.Model):
            raise _checks.InvalidArgument("model", "be a Keras model", model)
        if type(model).call.__module__.partition(".")[0] not in ("keras", "kerasnn"):
            raise _checks.InvalidArgument(
                "model",
                "run as its layers are connected",
                model,
                "Freeze with `kerasnn.transfer.freeze_to`, and call `fit`.",
                got=f"`{model.name}`, which overrides `call`",
            )
        inputs = getattr(model, "inputs", None) or []
        if len(inputs) != 1:
            raise _checks.InvalidArgument(
                "model",
                "be functional or Sequential, with one input",
                model,
                "Build it from a `keras.Input`.",
                got=f"`{model.name}` with {len(inputs) or 'unknown'} inputs",
            )
        self.model, self.layers, self.image = model, list(model.layers), inputs[0]
        self._is_sequential = isinstance(model, keras.Sequential)
        self._has_reused_layers = not self._is_sequential and _has_reused_layers(model)

    def can_cut(self, index: int) -> bool:
        """Whether a single tensor passes a cut."""
        return index == 0 or self._is_sequential or self._tensor(index) is not None

    def submodel(self, start: int, stop: int | None = None) -> Any:
        """Returns the layers between two cuts, or to the end, as a model that shares weights."""
        stop = len(self.layers) if stop is None else stop
        name = f"{self.model.name}_{start}_{stop}"
        if start == 0 and stop == len(self.layers):
            return self.model
        if not self._is_sequential:
            outputs = self.model.output if stop == len(self.layers) else self._tensor(stop)
            return Model(self._tensor(start), outputs, name=name)
        image = self.image
        if start:
            image = keras.KerasTensor(self.submodel(0, start).output_shape, self._dtype(start))
        entry = keras.Input(
            image.shape[1:], dtype=image.dtype, name="features" if start else "image"
        )
        return Sequential([entry, *self.layers[start:stop]], name=name)

    def after_pooling(self) -> int:
        """Returns the cut after the pooling layer with which the head begins."""
        return head_index(self.layers) + 1

    def end_of_frozen_part(self) -> int:
        """Returns the last cut up to which the outputs are the same in every epoch.

        Random layers within the frozen backbone are off, as in a frozen model that is called with
        `training=False`; a random layer of the head ends the frozen part. 0 if no layer is frozen.
        """
        trains = [bool(layer.trainable_variables) for layer in self.layers]
        first = trains.index(True) if True in trains else len(self.layers)
        frozen = [i for i, layer in enumerate(self.layers[:first]) if is_frozen(layer)]
        if not frozen:
            return 0
        index = frozen[-1] + 1
        head = head_index_or(self.layers, 0)
        while index < first and (index < head or not is_random(self.layers[index])):
            index += 1
        while index > frozen[0] and not self.can_cut(index):
            index -= 1
        return index if index > frozen[0] else 0

    def augmentation_layers(self) -> list[str]:
        """Returns the names of the random layers before the first layer with weights."""
        weighted = [bool(layer.weights) for layer in self.layers]
        first = weighted.index(True) if True in weighted else 0
        return [layer.name for layer in self.layers[:first] if is_random(layer)]

    def _dtype(self, index: int) -> str:
        return getattr(self.layers[index - 1], "compute_dtype", None) or keras.config.floatx()

    def _tensor(self, index: int) -> Any:
        """Returns the single tensor that passes a cut, or None if there are more."""
        if index == 0:
            return self.image
        after = self.layers[index:]
        if self._has_reused_layers or any(isinstance(layer, keras.Model) for layer in after):
            return None
        read = keras.tree.flatten([[layer.input for layer in after], self.model.output])
        made = {id(t) for t in keras.tree.flatten([layer.output for layer in after])}
        passing = {id(tensor): tensor for tensor in read if id(tensor) not in made}
        return next(iter(passing.values())) if len(passing) == 1 else None


def backbone_of(model: keras.Model) -> Any:
    """Returns the layers before the pooling with which a model's head begins, as a model.

    Raises:
        InvalidArgument: If the model has no head, or cannot be cut there.
    """
    graph = ModelGraph(model)
    index = head_index(graph.layers)
    pooling = graph.layers[index]
    if isinstance(pooling, keras.Model):
        raise _checks.InvalidArgument(
            "model",
            "have its pooling outside of a nested model",
            model,
            "Build the nested model with pooling=None, and add a GlobalAveragePooling2D.",
            got=f"`{model.name}`, which pools inside `{pooling.name}`",
        )
    if not graph.can_cut(index):
        raise _checks.InvalidArgument(
            "model",
            "have a single tensor before its head",
            model,
            got=f"`{model.name}`, which has several at `{pooling.name}`",
        )
    return graph.submodel(0, index)


def head_index(layers: Sequence[keras.layers.Layer]) -> int:
    """Returns the index of the layer with which a model's head begins: its last pooling.

    Raises:
        InvalidArgument: If no layer pools or flattens.
    """
    for index in range(len(layers) - 1, -1, -1):
        if _pools(layers[index]):
            return index
    names = [layer.name for layer in layers]
    raise _checks.InvalidArgument(
        "model",
        "have a head: a GlobalAveragePooling2D, GlobalMaxPooling2D or Flatten, and layers after it",
        names,
        got=f"layers {', '.join(f'`{name}`' for name in names)}",
    )


def head_index_or(layers: Sequence[keras.layers.Layer], default: int) -> int:
    """Returns the index of the layer with which the head begins, or a default without a head."""
    return head_index(layers) if any(map(_pools, layers)) else default


def is_frozen(layer: Any) -> bool:
    """Whether a layer has weights that gradients could train, and is not trainable."""
    if getattr(layer, "layers", None):
        return not layer.trainable_variables and any(map(is_frozen, layer.layers))
    return bool(layer.weights) and not layer.trainable and not holds_statistics(layer)


def holds_statistics(layer: Any) -> bool:
    """Whether the weights of a layer are statistics of the data, which no gradient trains."""
    return isinstance(layer, _STATISTICS)


def is_random(layer: keras.layers.Layer) -> bool:
    """Whether a layer draws random numbers: it has a seed variable, which is no weight."""
    return len(layer.variables) > len(layer.weights)


def copy_layer(layer: Any, **settings: Any) -> Any:
    """Returns a new layer with the same configuration, apart from some settings.

    An operator between layers, such as `x / 255`, has no settings. A `Lambda` is returned itself:
    it has no weights, and Keras does not load its code without permission.
    """
    if isinstance(layer, keras.layers.Lambda):
        return layer
    config = layer.get_config()
    if isinstance(layer, keras.layers.Layer):
        config |= settings
    return type(layer).from_config(config)


def _has_reused_layers(model: Any) -> bool:
    """Whether a layer occurs in the graph twice, so that it has several inputs."""
    return any(len(layer["inbound_nodes"]) > 1 for layer in model.get_config()["layers"])


def _pools(layer: Any) -> bool:
    """Whether a layer pools, or is a model whose last layer does."""
    inner = getattr(layer, "layers", None)
    return _pools(inner[-1]) if inner else isinstance(layer, tuple(POOLINGS.values()))
