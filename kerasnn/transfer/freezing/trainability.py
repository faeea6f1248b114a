"""Trainable flags of layers, and the renewal of the optimizer of a compiled model."""

import collections
import re
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from kerasnn import _checks
from kerasnn._core.model import all_layers
from kerasnn._core.optimizers import copy_of
from kerasnn.transfer._model_graph import head_index_or, holds_statistics
from kerasnn.transfer.freezing.parameter_counts import Counts, counts_of


def leaves(model: keras.Model) -> list[keras.layers.Layer]:
    """Returns the layers of a model, with those of nested models in place of the models."""
    return [layer for layer in all_layers(model) if not getattr(layer, "layers", None)]


def train_from(model: keras.Model, first: int, *, batch_norm: bool) -> Counts:
    """Freezes the leaves of a model before an index, and makes all others trainable.

    Batch normalisations before the head stay frozen unless `batch_norm` is True: a frozen one uses
    its statistics and does not update them.

    Raises:
        InvalidArgument: If no leaf from the index on has weights.
    """
    every = leaves(model)
    if not any(layer.weights and not holds_statistics(layer) for layer in every[first:]):
        raise _checks.InvalidArgument(
            "where", f"leave weights of `{model.name}` to train", every[first].name
        )
    head, before = head_index_or(every, len(every)), list(model.trainable_variables)
    model.trainable = True
    for index, layer in enumerate(every):
        layer.trainable = index >= first
        for norm in _norms(layer):
            norm.trainable = index >= first and (batch_norm or index >= head)
    renew_optimizer(model, before)
    return counts_of(model, sum(bool(layer.trainable_variables) for layer in every))


def renew_optimizer(model: Any, before: list[Any]) -> None:
    """Gives a compiled model an optimizer for its trainable variables.

    A Keras optimizer supports only the variables that it was built for, and a traced function
    keeps its optimizer (keras#22413). The new optimizer has the same configuration, learning rate,
    count of steps, and state of variables that were trainable before.

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
    """Returns an identifier for each of an optimizer's variables.

    It is the name, or, if several variables have the same name as with Adafactor, (name, trained
    variable, number of the slot), found by building an optimizer for that variable alone.
    """
    names = [_name(variable) for variable in optimizer.variables]
    shared = {name for name, count in collections.Counter(names).items() if count > 1}
    found: dict[str, list[Any]] = collections.defaultdict(list)
    for variable in trained if shared else ():
        alone = type(optimizer).from_config(optimizer.get_config())
        # The count and the rate of a nested optimizer belong to no variable.
        own = {_name(v) for v in alone.variables}
        alone.build([variable])
        for number, slot in enumerate(alone.variables):
            name = _name(slot)
            if name not in own:
                found[name].append((name, id(variable), number))
    seen: collections.Counter[str] = collections.Counter()
    result: list[Any] = []
    for name in names:
        number = seen[name]
        seen[name] += 1
        if name in shared:
            result.append(found[name][number] if number < len(found[name]) else (name, number))
        else:
            result.append(name)
    return result


def _name(variable: Any) -> str:
    """Returns the name of a slot, without the number that Keras adds to unnamed variables."""
    return re.sub(r"^variable_\d+$", "variable", variable.name)


def with_weights(layers: list[keras.layers.Layer]) -> Iterator[int]:
    """Yields the indices of the layers with weights."""
    return (i for i, layer in enumerate(layers) if layer.weights)


def _norms(layer: keras.layers.Layer) -> list[Any]:
    """Returns the batch normalisations that a layer is or contains."""
    found = tf.train.TrackableView(layer).descendants()
    return [each for each in found if isinstance(each, keras.layers.BatchNormalization)]
