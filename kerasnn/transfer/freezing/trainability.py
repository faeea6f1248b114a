"""Which layers train, changed at once, also in a model that was compiled."""

import collections
import re
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from kerasnn._core.model import all_layers
from kerasnn._core.optimizers import copy_of
from kerasnn.transfer._model_graph import before_head, is_statistics
from kerasnn.transfer.freezing.parameter_counts import Counts, counts_of


def leaves(model: keras.Model) -> list[keras.layers.Layer]:
    """Returns the layers of a model, and of the models inside it, that are no models."""
    return [layer for layer in all_layers(model) if not getattr(layer, "layers", None)]


def train_from(model: keras.Model, first: int, *, batch_norm: bool) -> Counts:
    """Freezes the leaves of a model before one, and lets that one and all behind it train.

    Batch normalisations before the head stay frozen unless they are asked for: a frozen one uses
    its statistics and does not move them.
    """
    every = leaves(model)
    if not any(layer.weights and not is_statistics(layer) for layer in every[first:]):
        raise ValueError(
            f"`{model.name}` must have weights to train from `{every[first].name}` on; it has none."
        )
    head, before = _head(every), list(model.trainable_variables)
    model.trainable = True
    for place, layer in enumerate(every):
        layer.trainable = place >= first
        for norm in _norms(layer):
            norm.trainable = place >= first and (batch_norm or place >= head)
    renew_optimizer(model, before)
    return counts_of(model, sum(bool(layer.trainable_variables) for layer in every))


def renew_optimizer(model: Any, before: list[Any]) -> None:
    """Gives a compiled model an optimizer for what trains now.

    Keras's optimizers know the variables that they were built for and no others, and its functions
    go on with what they were traced with (keras#22413). The new optimizer has the same
    configuration, rate and count of steps, and the same slots for all that trained before.

    Args:
        model: A Keras model.
        before: The variables that the optimizer was built for.
    """
    if not model.compiled:
        return
    old = model.optimizer
    if old.built:
        new = copy_of(old)
        now = model.trainable_variables
        new.build(now)
        kept = dict(zip(_names(old, before), old.variables, strict=True))
        for name, variable in zip(_names(new, now), new.variables, strict=True):
            if name in kept:
                variable.assign(kept[name])
        model.optimizer = new
    if model.train_function is not None:
        model.make_train_function(force=True)


def _names(optimizer: Any, trained: list[Any]) -> list[Any]:
    """Returns a name for each of an optimizer's variables, the same for the same slot.

    Where slots of several variables have one name, as Adafactor's have, that is which slot it is
    of which variable; an optimizer for that variable alone tells how many it has.
    """
    names = [_name(variable) for variable in optimizer.variables]
    shared = {name for name, count in collections.Counter(names).items() if count > 1}
    found: dict[str, list[Any]] = collections.defaultdict(list)
    for variable in trained if shared else ():
        alone = type(optimizer).from_config(optimizer.get_config())
        # An optimizer inside another has a count and a rate, too, which are of no variable.
        own = {_name(v) for v in alone.variables}
        alone.build([variable])
        for number, slot in enumerate(alone.variables):
            name = _name(slot)
            if name not in own:
                found[name].append((name, id(variable), number))
    seen: collections.Counter[str] = collections.Counter()
    result: list[Any] = []
    for name in names:
        place = seen[name]
        seen[name] += 1
        if name in shared:
            result.append(found[name][place] if place < len(found[name]) else (name, place))
        else:
            result.append(name)
    return result


def _name(variable: Any) -> str:
    """Returns the name of a slot, less the number that Keras gives to one without a name."""
    return re.sub(r"^variable_\d+$", "variable", variable.name)


def weighted(layers: list[keras.layers.Layer]) -> Iterator[int]:
    """Yields the places of the layers with weights."""
    return (place for place, layer in enumerate(layers) if layer.weights)


def _norms(layer: keras.layers.Layer) -> list[Any]:
    """Returns the batch normalisations that a layer is, or has inside."""
    found = tf.train.TrackableView(layer).descendants()
    return [each for each in found if isinstance(each, keras.layers.BatchNormalization)]


def _head(layers: list[keras.layers.Layer]) -> int:
    try:
        return before_head(layers)
    except ValueError:
        return len(layers)
