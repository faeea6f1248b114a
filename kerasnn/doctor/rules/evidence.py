"""What the rules of a diagnosis judge by."""

import dataclasses
import math
from typing import Any

from kerasnn._core import model_outputs
from kerasnn.doctor.measure.measurements import Vitals
from kerasnn.doctor.measure.score import Score
from kerasnn.doctor.measure.training_sample import Sample


@dataclasses.dataclass
class Case:
    """A model with its history.

    Args:
        model: The model.
        sample: Rows that it trains on.
        looks: Its vitals, the newest last.
        losses: (loss, val_loss) of every epoch, as `fit` reports them; NaN for none.
        penalty: What regularisers added to the loss before training.
        start: Its answers on the training sample before training, where they can be judged.
        top_rate: The highest learning rate that an epoch was seen to end with; 0 for none.
        is_over: Whether training has ended.
    """

    model: Any
    sample: Sample
    looks: list[Vitals] = dataclasses.field(default_factory=list)
    losses: list[tuple[float, float]] = dataclasses.field(default_factory=list)
    penalty: float = 0.0
    start: Score | None = None
    top_rate: float = 0.0
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
        return model_outputs.output_activation(self.model) == "threshold"

    @property
    def largest(self) -> Vitals | None:
        """The look that saw the largest update, or None where none was measured."""
        return max(self._with_updates, key=lambda look: look.update, default=None)

    @property
    def at_top_rate(self) -> Vitals | None:
        """The look that saw the largest update, as it would be at the highest learning rate.

        Few looks see that rate with a warm-up. Updates grow with the rate, so that the look with
        the highest one tells what they would be; it counts double, as the rate of an epoch that
        warms up from 0 is half of that at its end, where it is read. None where none can tell.
        """
        looks, largest = self._with_updates, self.largest
        if largest is None or any(not look.rate < self.top_rate for look in looks):
            return largest
        fastest = max(looks, key=lambda look: look.rate)
        if fastest.rate <= 0:
            return None
        update = 2 * fastest.update * self.top_rate / fastest.rate
        return dataclasses.replace(fastest, update=max(update, largest.update), rate=self.top_rate)

    @property
    def _with_updates(self) -> list[Vitals]:
        return [look for look in self.looks if not math.isnan(look.update)]
