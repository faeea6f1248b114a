"""What is trained, one stage after the other."""

import dataclasses
from typing import Any

import keras

from kerasnn.transfer._model_graph import before_head
from kerasnn.transfer.fine_tuning.regime import regime as regime_for
from kerasnn.transfer.freezing.trainability import leaves, weighted

# Of the rate of the head's stage.
_SECOND_RATE = 0.1


@dataclasses.dataclass(frozen=True)
class Stage:
    """One stage.

    Args:
        name: What trains.
        rate: Factor of the learning rate.
        decays: Whether earlier layers have smaller rates.
    """

    name: str
    rate: float = 1.0
    decays: bool = False

    def first(self, model: keras.Model) -> int | None:
        """Returns the place among a model's leaves from which on it trains; None for no change."""
        layers = leaves(model)
        if self == _HEAD:
            return before_head(layers)
        if self == _LAST_BLOCK:
            return _last_block(layers)
        return 0 if self == _ALL else None

    def frozen(self, model: keras.Model) -> list[keras.layers.Layer]:
        """Returns the leaves of a model that it keeps as they are."""
        layers, first = leaves(model), self.first(model)
        return [
            layer
            for place, layer in enumerate(layers)
            if (not layer.trainable if first is None else place < first)
        ]


_HEAD = Stage("head")
_LAST_BLOCK = Stage("last block and head", _SECOND_RATE, decays=True)
_ALL = Stage("all layers", _SECOND_RATE, decays=True)
_AS_SET = Stage("trainable layers", decays=True)
STAGES = {"small": [_HEAD], "medium": [_HEAD, _LAST_BLOCK], "large": [_HEAD, _ALL]}


@dataclasses.dataclass(frozen=True)
class Trained:
    """A stage that has ended.

    Args:
        name: What was trained.
        epochs: How many epochs it ran.
        trainable: How many parameters were trained.
        engine: What ran the steps; see `kerasnn.fit`.
        precision: What the features of the frozen layers were computed in, with their error;
            None where none were kept.
    """

    name: str
    epochs: int
    trainable: int
    engine: str
    precision: Any


def plan(regime: str | None, examples: int | None, classes: int) -> tuple[str, list[Stage]]:
    """Returns a regime, in words, and its stages.

    Raises:
        ValueError: If the regime depends on a number of examples that is not known.
    """
    if regime is None:
        return "as the layers are set", [_AS_SET]
    if regime != "auto":
        return str(regime), STAGES[regime[:]]
    if examples is None:
        raise ValueError(
            "`regime` must be 'small', 'medium' or 'large' where `x` is a dataset that does not "
            "tell how many batches it has."
        )
    found = regime_for(examples, classes)
    return str(found), STAGES[found[:]]


def _last_block(layers: list[keras.layers.Layer]) -> int:
    """Returns the place of the first layer of the backbone's last block.

    The layers with kernels at its end that share the first part of their names, such as
    `block5`, are a block; where they are but one, or are all, the last quarter is.
    """
    end = before_head(layers)
    places = [i for i in weighted(layers[:end]) if any(len(w.shape) > 1 for w in layers[i].weights)]
    if not places:
        return end
    block = [i for i in places if _stem(layers[i]) == _stem(layers[places[-1]])]
    if len(block) in (1, len(places)):
        block = places[-max(1, len(places) // 4) :]
    return block[0]


def _stem(layer: keras.layers.Layer) -> str:
    return layer.name.partition("_")[0]
