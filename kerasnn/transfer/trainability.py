"""Which layers train, changed at once, also in a model that was compiled."""

import collections
from collections.abc import Iterator
from typing import Any

import keras

from kerasnn._layers import all_layers
from kerasnn.transfer.counts import Counts, counts_of
from kerasnn.transfer.head import before_head


def leaves(model: keras.Model) -> list[keras.layers.Layer]:
    """Returns the layers of a model, and of the models inside it, that are no models."""
    return [layer for layer in all_layers(model) if not getattr(layer, "layers", None)]


def train_from(model: keras.Model, first: int, *, batch_norm: bool) -> Counts:
    """Freezes the leaves of a model before one, and lets that one and all behind it train.

    Batch normalisations before the head stay frozen unless they are asked for: a frozen one uses
    its statistics and does not move them.
    """
    every = leaves(model)
    head = _head(every)
    model.trainable = True
    for place, layer in enumerate(every):
        is_norm = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = place >= first and (batch_norm or not is_norm or place >= head)
    renew_optimizer(model)
    return counts_of(model, sum(bool(layer.trainable_variables) for layer in every))


def renew_optimizer(model: Any) -> None:
    """Gives a compiled model an optimizer for what trains now.

    Keras's optimizers know the variables that they were built for and no others, and its functions
    go on with what they were traced with (keras#22413). The new optimizer has the same settings,
    rate and count of steps, and the same slots for all that trained before.
    """
    if not model.compiled:
        return
    old = model.optimizer
    if old.built:
        new = type(old).from_config(old.get_config())
        new.build(model.trainable_variables)
        kept = collections.defaultdict(collections.deque)
        for variable in old.variables:
            kept[variable.path].append(variable)
        for variable in new.variables:
            if kept[variable.path]:
                variable.assign(kept[variable.path].popleft())
        model.optimizer = new
    if model.train_function is not None:
        model.make_train_function(force=True)


def weighted(layers: list[keras.layers.Layer]) -> Iterator[int]:
    """Yields the places of the layers with weights."""
    return (place for place, layer in enumerate(layers) if layer.weights)


def _head(layers: list[keras.layers.Layer]) -> int:
    try:
        return before_head(layers)
    except ValueError:
        return len(layers)
