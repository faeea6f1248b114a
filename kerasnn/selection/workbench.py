"""One trace for all folds, and for all settings that keep the shapes.

A program is traced into the model that it trains. So models of one architecture are trained as one
object, that which came first: each fold asks `build` for a fresh model, and the values of all its
variables (weights, seeds, the optimizer's state, the learned scaling, the learning rate) are copied
into that object. It starts with the bits of the fresh model, since they are the fresh model's.

What is no variable is a constant of the program. Of these, factors of L1 and L2, rates of
kerasnn's `Dropout` and `SpatialDropout`, and the momentum of kerasnn's `SGD` become numbers that
the program reads when it runs. A factor of zero leaves a term out, and so is another architecture.

Two models are of one architecture if their configurations, with those numbers, seeds and
initialisers masked, are equal, and all that is in them is Keras's or kerasnn's. Of code of the
user's the configuration need not say everything; it is traced anew for each fold.
"""

import collections
import json
from typing import Any

import keras

from kerasnn._layers import all_layers
from kerasnn._live import Live
from kerasnn.layers import Dropout, SpatialDropout
from kerasnn.optimizers import SGD
from kerasnn.selection.penalty import Penalty
from kerasnn.training.programs import programs_of

# By the name that Keras saves a class under.
_MASKED = {
    "L1": ("l1",),
    "L2": ("l2",),
    "L1L2": ("l1", "l2"),
    "kerasnn>Dropout": ("rate",),
    "kerasnn>SpatialDropout": ("rate",),
    "kerasnn>SGD": ("momentum",),
}
_PENALTIES = (keras.regularizers.L1, keras.regularizers.L2, keras.regularizers.L1L2)
_OWN = ("keras", "kerasnn")
_MOST = 16


class Workbench:
    """Holds one model for each architecture.

    Args:
        rows: Numbers of rows that are to be trained on.
        steps: Steps that each architecture is to be trained for in all. The engine is chosen by
            them, and so does not depend on what was trained before.
    """

    def __init__(self, rows: set[int], steps: int) -> None:
        self._rows, self._steps = rows, steps
        self._models: collections.OrderedDict[str, _Place] = collections.OrderedDict()

    def place(self, fresh: Any) -> Any:
        """Returns a model that trains as a fresh one would: that one, or one with its values."""
        key = architecture(fresh)
        if key is None:
            return fresh
        if key in self._models:
            self._models.move_to_end(key)
            return self._models[key].take(fresh)
        programs_of(fresh).planned_steps = self._steps
        programs_of(fresh).planned_rows = self._rows
        self._models[key] = _Place(fresh)
        if len(self._models) > _MOST:
            self._models.popitem(last=False)
        return fresh


class _Place:
    """A model that takes the values of others, and the state that its optimizer starts with.

    That follows from the optimizer's configuration, but for the learning rate.
    """

    def __init__(self, model: Any) -> None:
        self._model, optimizer = model, model.optimizer
        optimizer.build(model.trainable_variables)
        self._starts = [(v, v.value.read_value()) for v in optimizer.variables]
        _enliven(model)

    def take(self, fresh: Any) -> Any:
        """Returns the model with the values of a fresh one."""
        model = self._model
        for variable, start in self._starts:
            variable.assign(start)
        for variable, start in zip(model.variables, fresh.variables, strict=False):
            variable.assign(start.value)
        rate = fresh.optimizer.learning_rate
        if isinstance(rate, keras.Variable):
            model.optimizer.learning_rate.assign(rate.value)
        _copy_live(model, fresh)
        return model


def architecture(model: Any) -> str | None:
    """Returns a text that is equal for models that one program can train, or None."""
    try:
        config = keras.saving.serialize_keras_object(model)
        held = [*all_layers(model), model]
    except (AttributeError, NotImplementedError, TypeError, ValueError):
        return None
    if not model.built or not _is_known(config):
        return None
    names = {part.name: f"#{i}" for i, part in enumerate(held)}
    names[model.optimizer.name] = "#"
    return json.dumps(_masked(config, names), sort_keys=True, default=str)


def _is_known(node: Any) -> bool:
    """Whether all classes and functions in a configuration are Keras's or kerasnn's."""
    if isinstance(node, (list, tuple)):
        return all(map(_is_known, node))
    if not isinstance(node, dict):
        return True
    if "class_name" in node:
        module = str(node.get("module") or "keras").partition(".")[0]
        if module not in _OWN or node["class_name"] in ("function", "__lambda__", "Lambda"):
            return False
    return all(_is_known(value) for value in node.values())


def _masked(node: Any, names: dict[str, str], numbers: tuple[str, ...] = ()) -> Any:
    if isinstance(node, (list, tuple)):
        return [_masked(value, names) for value in node]
    if isinstance(node, str):
        return names.get(node, node)
    if not isinstance(node, dict):
        return node
    kind = node.get("registered_name") or node.get("class_name")
    masked: dict[str, Any] = {}
    for key, value in node.items():
        if key == "seed" or key.endswith("_initializer"):
            continue
        if key == "learning_rate" and isinstance(value, float):
            continue
        if key in numbers:
            masked[key] = bool(value)
        elif key == "activity_regularizer":
            masked[key] = value
        else:
            masked[key] = _masked(value, names, _MASKED.get(str(kind), ()))
    return masked


def _enliven(model: Any) -> None:
    """Makes the masked constants of a model numbers that its programs read."""
    for variable in model.trainable_variables:
        if isinstance(variable.regularizer, _PENALTIES):
            variable.regularizer = Penalty(variable.regularizer)
    for layer in all_layers(model):
        if type(layer) in (Dropout, SpatialDropout):
            layer.live_rate = Live(layer.rate)
    if _momentum(model):
        model.optimizer.live_momentum = Live(model.optimizer.momentum)


def _copy_live(kept: Any, fresh: Any) -> None:
    pairs = zip(kept.trainable_variables, fresh.trainable_variables, strict=True)
    for variable, start in pairs:
        if isinstance(start.regularizer, _PENALTIES):
            variable.regularizer.copy(start.regularizer)
    for layer, start in zip(all_layers(kept), all_layers(fresh), strict=True):
        if layer.__dict__.get("live_rate") is not None:
            layer.live_rate.assign(start.rate)
    if _momentum(fresh):
        kept.optimizer.live_momentum.assign(fresh.optimizer.momentum)


def _momentum(model: Any) -> bool:
    optimizer = model.optimizer
    return type(optimizer) is SGD and optimizer.cycle is None and bool(optimizer.momentum)
