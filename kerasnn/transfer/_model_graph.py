"""Where a model can be cut into a frozen part, computed once, and a part that trains."""

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

_STATISTICS = (layers.Standardize, keras.layers.Normalization)


class Chain:
    """The layers of a model in the order in which they run, and the places between them.

    Place p stands before layer p. Of a graph of layers only those places can be cut at which one
    tensor alone passes on.

    Args:
        model: A model of one image input, functional or `Sequential`.

    Raises:
        ValueError: If its inputs or its graph are not known, or it has several inputs.
    """

    def __init__(self, model: keras.Model) -> None:
        if not isinstance(model, keras.Model):
            raise _checks.InvalidArgument("model", "be a Keras model", model)
        if type(model).call.__module__.partition(".")[0] not in ("keras", "kerasnn"):
            raise ValueError(
                f"`{model.name}` must run as its layers are connected; it has a `call` of its own. "
                "Freeze with `kerasnn.transfer.freeze_to`, and call `fit`."
            )
        inputs = getattr(model, "inputs", None) or []
        if len(inputs) != 1:
            raise ValueError(
                f"`model` must be functional or Sequential, with one input; `{model.name}` has "
                f"{len(inputs) or 'none that is known'}. Build it from a `keras.Input`."
            )
        self.model, self.layers, self.image = model, list(model.layers), inputs[0]
        self._is_sequential = isinstance(model, keras.Sequential)
        self._branches = not self._is_sequential and _has_reused_layers(model)

    def can_cut(self, place: int) -> bool:
        """Whether one tensor alone passes a place."""
        return place == 0 or self._is_sequential or self._tensor(place) is not None

    def part(self, start: int, stop: int | None = None) -> Any:
        """Returns the layers from one place to another, or to the end, as a model of its own."""
        stop = len(self.layers) if stop is None else stop
        name = f"{self.model.name}_{start}_{stop}"
        if start == 0 and stop == len(self.layers):
            return self.model
        if not self._is_sequential:
            outputs = self.model.output if stop == len(self.layers) else self._tensor(stop)
            return Model(self._tensor(start), outputs, name=name)
        image = self.image
        if start:
            image = keras.KerasTensor(self.part(0, start).output_shape, self._dtype(start))
        entry = keras.Input(image.shape[1:], dtype=image.dtype, name=_input_name(start))
        return Sequential([entry, *self.layers[start:stop]], name=name)

    def _head_or_none(self) -> int:
        try:
            return before_head(self.layers)
        except ValueError:
            return 0

    def head(self) -> int:
        """Returns the place behind the pooling that the head begins with."""
        return before_head(self.layers) + 1

    def frozen(self) -> int:
        """Returns the last place up to which what goes in is the same in every epoch.

        Layers that draw at random are off within the frozen part of the backbone, as are those of
        a frozen model that is called with `training=False`; in the head they end it. 0 where no
        weight is frozen that would else be trained.
        """
        trains = [bool(layer.trainable_variables) for layer in self.layers]
        first = trains.index(True) if True in trains else len(self.layers)
        held = [i for i, layer in enumerate(self.layers[:first]) if is_frozen(layer)]
        if not held:
            return 0
        place = held[-1] + 1
        head = self._head_or_none()
        while place < first and (place < head or not draws(self.layers[place])):
            place += 1
        while place > held[0] and not self.can_cut(place):
            place -= 1
        return place if place > held[0] else 0

    def augments(self) -> list[str]:
        """Returns the names of the layers that draw at random before any weight: of images."""
        weighted = [bool(layer.weights) for layer in self.layers]
        first = weighted.index(True) if True in weighted else 0
        return [layer.name for layer in self.layers[:first] if draws(layer)]

    def _dtype(self, place: int) -> str:
        return getattr(self.layers[place - 1], "compute_dtype", None) or keras.config.floatx()

    def _tensor(self, place: int) -> Any:
        """Returns the one tensor that passes a place, or None where there are more."""
        if place == 0:
            return self.image
        behind = self.layers[place:]
        if self._branches or any(isinstance(layer, keras.Model) for layer in behind):
            return None
        wanted = keras.tree.flatten([[layer.input for layer in behind], self.model.output])
        made = {id(t) for t in keras.tree.flatten([layer.output for layer in behind])}
        passing = {id(tensor): tensor for tensor in wanted if id(tensor) not in made}
        return next(iter(passing.values())) if len(passing) == 1 else None


def part_before_head(model: keras.Model) -> Any:
    """Returns the layers before the pooling that a model's head begins with, as a model.

    Raises:
        ValueError: If it has no head, or cannot be cut there.
    """
    chain = Chain(model)
    place = before_head(chain.layers)
    if isinstance(chain.layers[place], keras.Model):
        raise ValueError(
            f"`{model.name}` must pool outside of `{chain.layers[place].name}`, the model inside "
            "it. Build that one with pooling=None, and add a GlobalAveragePooling2D."
        )
    if not chain.can_cut(place):
        raise ValueError(
            f"`{model.name}` must have one tensor alone before its head, at "
            f"`{chain.layers[place].name}`; it has several there."
        )
    return chain.part(0, place)


def is_frozen(layer: Any) -> bool:
    """Whether a layer has weights that gradients would train, and was told not to train them."""
    if getattr(layer, "layers", None):
        return not layer.trainable_variables and any(map(is_frozen, layer.layers))
    return bool(layer.weights) and not layer.trainable and not is_statistics(layer)


def is_statistics(layer: Any) -> bool:
    """Whether a layer's weights are statistics of the data, which no gradient trains."""
    return isinstance(layer, _STATISTICS)


def draws(layer: keras.layers.Layer) -> bool:
    """Whether a layer draws at random: then it keeps a seed, which is no weight."""
    return len(layer.variables) > len(layer.weights)


def _has_reused_layers(model: Any) -> bool:
    """Whether a layer stands in the graph twice, so that it has no one input."""
    return any(len(layer["inbound_nodes"]) > 1 for layer in model.get_config()["layers"])


def _input_name(start: int) -> str:
    return "image" if start == 0 else "features"


def before_head(layers: Sequence[keras.layers.Layer]) -> int:
    """Returns how many of a model's layers come before its head, which begins with a pooling.

    Raises:
        ValueError: If no layer pools or flattens.
    """
    for place in range(len(layers) - 1, -1, -1):
        if _pools(layers[place]):
            return place
    raise ValueError(
        "`model` must have a head: a GlobalAveragePooling2D, GlobalMaxPooling2D or Flatten, and "
        "what follows it; none of its layers is one."
    )


def _pools(layer: Any) -> bool:
    """Whether a layer pools, or is a model that ends by it."""
    inner = getattr(layer, "layers", None)
    return _pools(inner[-1]) if inner else isinstance(layer, tuple(POOLINGS.values()))


def copy_of(layer: Any, **settings: Any) -> Any:
    """Returns a new layer of the same configuration, with other settings.

    An operator between layers, such as `x / 255`, has no settings. A `Lambda` has no weights
    either, and code that Keras does not make again without being told to; it stays the same.
    """
    if isinstance(layer, keras.layers.Lambda):
        return layer
    config = layer.get_config()
    if isinstance(layer, keras.layers.Layer):
        config |= settings
    return type(layer).from_config(config)
