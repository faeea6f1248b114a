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
user's the configuration need not say everything; it is traced anew for each fold. Nor does it say
what an object was told after it was made. So a model that has taken the values of another has to
answer some rows as that one does, and once for each setting to take the same training step from
the same weights, before it trains in its place. Else the other one is kept beside it.
"""

from typing import Any

import keras
import numpy as np

from kerasnn._core.hyperparameter import Hyperparameter
from kerasnn._core.model import all_layers
from kerasnn._core.optimizers import build_slots
from kerasnn.layers import Dropout, SpatialDropout
from kerasnn.optimizers import SGD
from kerasnn.selection.sharing.config_key import architecture
from kerasnn.selection.sharing.penalty import Penalty
from kerasnn.selection.sharing.same_step import steps_alike

_PENALTIES = (keras.regularizers.L1, keras.regularizers.L2, keras.regularizers.L1L2)
_MOST = 16


class Workbench:
    """Holds one model for each architecture, those used last at the end.

    Args:
        rows: Numbers of rows that are to be trained on.
        steps: Steps that each architecture is to be trained for in all. The engine is chosen by
            them, and so does not depend on what was trained before.
    """

    def __init__(self, rows: set[int], steps: int) -> None:
        self._rows, self._steps = rows, steps
        self._places: list[_Place] = []

    def place(self, fresh: Any, rows: Any, setting: Any) -> Any:
        """Returns a model that trains as a fresh one would: that one, or one with its values.

        Args:
            fresh: The fresh model.
            rows: Some rows, (x, y, sample_weight), on which both have to do alike.
            setting: What the model was built by; models of one such object train alike if two of
                them do. None where that cannot be said, and each is to be tried.
        """
        key = architecture(fresh)
        if key is None:
            return fresh
        for place in reversed([one for one in self._places if one.key == key]):
            if place.fits(fresh, rows, setting):
                self._places.remove(place)
                self._places.append(place)
                return place.take(fresh)
        self._places = [*self._places, _Place(fresh, key, setting)][-_MOST:]
        return fresh


class _Place:
    """A model that takes the values of others, and the state that its optimizer starts with.

    That follows from the optimizer's configuration, but for the learning rate.
    """

    def __init__(self, model: Any, key: str, setting: Any) -> None:
        self.key, self._tried = key, [] if setting is None else [(setting, True)]
        self._model, optimizer = model, model.optimizer
        build_slots(optimizer, model.trainable_variables)
        self._starts = [(v, v.value.read_value()) for v in optimizer.variables]
        _enliven(model)

    def fits(self, fresh: Any, rows: Any, setting: Any) -> bool:
        """Whether the model, with the values of a fresh one, does as that one would."""
        known = next((fits for tried, fits in self._tried if tried is setting), None)
        if known is False or _trained(self._model) != _trained(fresh):
            return False
        if not _answer_alike(self.take(fresh), fresh, rows[0]):
            return False
        if known is None:
            known = steps_alike(self._model, fresh, rows)
            if setting is not None:
                self._tried.append((setting, known))
        return known

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


def _trained(model: Any) -> list[bool]:
    """Returns which weights are trained; callbacks may have frozen some since a model was made."""
    return [variable.trainable for variable in model.weights]


def _answer_alike(kept: Any, fresh: Any, x: Any) -> bool:
    """Whether no constant in one model is another than in the other, as far as rows can tell."""
    answers = [keras.tree.flatten(model(x, training=False)) for model in (kept, fresh)]
    return all(
        np.allclose(a, b, rtol=1e-5, atol=1e-6, equal_nan=True)
        for a, b in zip(*answers, strict=True)
    )


def _enliven(model: Any) -> None:
    """Makes the masked constants of a model numbers that its programs read."""
    for variable in model.trainable_variables:
        if isinstance(variable.regularizer, _PENALTIES):
            variable.regularizer = Penalty(variable.regularizer)
    for layer in all_layers(model):
        if type(layer) in (Dropout, SpatialDropout):
            layer.live_rate = Hyperparameter(layer.rate)
    sgd = _with_momentum(model)
    if sgd is not None:
        sgd.live_momentum = Hyperparameter(sgd.momentum)


def _copy_live(kept: Any, fresh: Any) -> None:
    pairs = zip(kept.trainable_variables, fresh.trainable_variables, strict=True)
    for variable, start in pairs:
        if isinstance(start.regularizer, _PENALTIES):
            variable.regularizer.copy(start.regularizer)
    for layer, start in zip(all_layers(kept), all_layers(fresh), strict=True):
        if layer.__dict__.get("live_rate") is not None:
            layer.live_rate.assign(start.rate)
    sgd, start = _with_momentum(kept), _with_momentum(fresh)
    if sgd is not None and start is not None:
        sgd.live_momentum.assign(start.momentum)


def _with_momentum(model: Any) -> Any:
    """Returns the `SGD`, loss scaling or not, whose momentum the programs read; or None."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    reads = type(optimizer) is SGD and optimizer.cycle is None and optimizer.momentum
    return optimizer if reads else None
