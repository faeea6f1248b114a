"""Stages of fine-tuning: which layers each trains, and the stages of each regime."""

import dataclasses
from typing import Any

import keras

from kerasnn import _checks
from kerasnn._core.display.blocks import Table
from kerasnn._core.display.rendering import for_notebook
from kerasnn.transfer._model_graph import head_index
from kerasnn.transfer.fine_tuning.regime import regime as regime_for
from kerasnn.transfer.freezing.trainability import leaves, with_weights

# Factor of the learning rate of the second stage.
_SECOND_RATE = 0.1


@dataclasses.dataclass(frozen=True)
class Stage:
    """One stage of fine-tuning.

    Args:
        name: Layers that are trained, in words.
        rate: Factor of the learning rate.
        decays: Whether earlier layers have smaller learning rates.
    """

    name: str
    rate: float = 1.0
    decays: bool = False

    def first(self, model: keras.Model) -> int | None:
        """Returns the index of the first leaf to train; None to keep the trainable flags."""
        layers = leaves(model)
        if self == _HEAD:
            return head_index(layers)
        if self == _LAST_BLOCK:
            return _last_block(layers)
        return 0 if self == _ALL else None

    def frozen(self, model: keras.Model) -> list[keras.layers.Layer]:
        """Returns the leaves of a model that the stage does not train."""
        layers, first = leaves(model), self.first(model)
        return [
            layer
            for index, layer in enumerate(layers)
            if (not layer.trainable if first is None else index < first)
        ]


_HEAD = Stage("head")
_LAST_BLOCK = Stage("last block and head", _SECOND_RATE, decays=True)
_ALL = Stage("all layers", _SECOND_RATE, decays=True)
_AS_SET = Stage("trainable layers", decays=True)
STAGES = {"small": [_HEAD], "medium": [_HEAD, _LAST_BLOCK], "large": [_HEAD, _ALL]}


@dataclasses.dataclass(frozen=True)
class StageReport:
    """Report of a stage that has ended.

    Args:
        name: Layers that were trained, in words.
        epochs: Number of epochs.
        trainable: Number of parameters that were trained.
        engine: Engine that ran the steps; see `kerasnn.fit`.
        precision: Precision of the features of the frozen layers, with its error; None if no
            features were kept.
    """

    name: str
    epochs: int
    trainable: int
    engine: str
    precision: Any


class StageReports(list[StageReport]):
    """Reports of all stages, in their order; a table in a notebook."""

    def _repr_html_(self) -> str:
        """Returns one row for each stage, for a notebook."""
        head = ("stage", "epochs", "trained parameters", "engine", "features")
        rows = [
            (
                stage.name,
                str(stage.epochs),
                f"{stage.trainable:,}",
                stage.engine,
                "not kept" if stage.precision is None else str(stage.precision),
            )
            for stage in self
        ]
        return for_notebook("Fine-tuning", [Table("Stages", head, rows, numeric=head[1:3])])


def choose_stages(
    regime: str | None, examples: int | None, classes: int
) -> tuple[str, list[Stage]]:
    """Returns a regime, in words, and its stages.

    Raises:
        InvalidArgument: If `regime` is "auto" and the number of examples is not known.
    """
    if regime is None:
        return "as the layers are set", [_AS_SET]
    if regime != "auto":
        return str(regime), STAGES[regime[:]]
    if examples is None:
        raise _checks.InvalidArgument(
            "regime",
            "be 'small', 'medium' or 'large' if `x` is a dataset of unknown length",
            regime,
        )
    found = regime_for(examples, classes)
    return str(found), STAGES[found[:]]


def _last_block(layers: list[keras.layers.Layer]) -> int:
    """Returns the index of the first layer of the last block of the backbone.

    A block is the last layers with kernels whose names have the same first part, such as `block5`.
    If these are a single layer or all layers, the block is the last quarter of them.
    """
    end = head_index(layers)
    indices = [
        i for i in with_weights(layers[:end]) if any(len(w.shape) > 1 for w in layers[i].weights)
    ]
    if not indices:
        return end
    block = [i for i in indices if _stem(layers[i]) == _stem(layers[indices[-1]])]
    if len(block) in (1, len(indices)):
        block = indices[-max(1, len(indices) // 4) :]
    return block[0]


def _stem(layer: keras.layers.Layer) -> str:
    return layer.name.partition("_")[0]
