"""Settings of the networks, what training returns, and its progress bar."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import keras


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of the networks and of their training.

    Args:
        hidden: Units of the hidden layers; None is the default of the network.
        epochs: The most epochs; None is the default of the network.
        learning_rate: Adam's first learning rate, for `tabular` and `pack` the highest one; None is
            the default of the network.
        dropout: Of `mlp`, the fraction of the outputs of hidden layers dropped in training.
        l2: Of `mlp`, the factor of the penalty on the squares of the weights.
        patience: Of `mlp`, the epochs without a better network after which training ends.
    """

    hidden: tuple[int, ...] | None = None
    epochs: int | None = None
    learning_rate: float | None = None
    dropout: float = 0.0
    l2: float = 1e-3
    patience: int = 25


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trained:
    """A trained network.

    Attributes:
        model: A compiled Keras model.
        history: Losses by epoch, in training and validation.
        epochs: Epochs that were trained.
    """

    model: keras.Model
    history: dict[str, list[float]]
    epochs: int

    @classmethod
    def of(cls, model: keras.Model, history: Mapping[str, Sequence[float]]) -> "Trained":
        """Returns what the training of a model with validation has left."""
        curves = {name: [float(v) for v in history[name]] for name in ("loss", "val_loss")}
        return cls(model=model, history=curves, epochs=len(curves["loss"]))


class EpochBar(keras.callbacks.Callback):
    """Progress bar over epochs, with the losses.

    Args:
        epochs: The most epochs.
    """

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self._bar = keras.utils.Progbar(
            epochs, stateful_metrics=["loss", "val_loss"], unit_name="epoch"
        )

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Advances the bar."""
        values = [(name, logs[name]) for name in ("loss", "val_loss") if name in (logs or {})]
        self._bar.update(epoch + 1, values, finalize=False)

    def on_train_end(self, logs: Any = None) -> None:
        """Ends the line."""
        print()
