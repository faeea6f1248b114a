"""What the rules of a diagnosis judge by."""

import dataclasses
import math
from typing import Any

from kerasnn.callbacks import outputs
from kerasnn.callbacks.sample import Sample
from kerasnn.callbacks.score import Score
from kerasnn.callbacks.vitals import Vitals


@dataclasses.dataclass
class Case:
    """A model with its history.

    Args:
        model: The model.
        sample: Rows that it trains on.
        looks: Its vitals, the newest last.
        losses: (loss, val_loss) of every epoch, as `fit` reports them; NaN for none.
        penalty: What regularisers added to the loss before training.
        is_over: Whether training has ended.
    """

    model: Any
    sample: Sample
    looks: list[Vitals] = dataclasses.field(default_factory=list)
    losses: list[tuple[float, float]] = dataclasses.field(default_factory=list)
    penalty: float = 0.0
    is_over: bool = False

    @property
    def now(self) -> Vitals:
        """The newest vitals."""
        return self.looks[-1]

    @property
    def train(self) -> Score | None:
        """The newest answers on the training sample."""
        return self.now.train

    @property
    def fires(self) -> bool:
        """Whether the model ends with threshold units, whose gradient is chosen and not true."""
        return outputs.output_activation(self.model) == "threshold"

    @property
    def updates(self) -> list[float]:
        """The updates that were measured, the newest last."""
        return [look.update for look in self.looks if not math.isnan(look.update)]
