"""Input of the rules: a model, its measurements and its losses."""

import dataclasses
import math
from typing import Any

from kerasnn._core import model_outputs
from kerasnn.doctor.measure.measurements import Measurements
from kerasnn.doctor.measure.score import Score
from kerasnn.doctor.measure.training_sample import TrainingSample


@dataclasses.dataclass(frozen=True, kw_only=True)
class Evidence:
    """A model, what was measured of it, and the losses of its epochs.

    Args:
        model: The model.
        sample: Training rows.
        history: Measurements, the newest last.
        losses: (loss, val_loss) of every epoch, as `fit` reports them; NaN for none.
        penalty: The regularisers' part of the loss before training.
        initial_score: Score on the training sample before training, or None.
        highest_rate: The highest learning rate seen at the end of an epoch; 0 for none.
        is_over: Whether training has ended.
        is_moment: Whether the course of training is not known, but one moment.
    """

    model: Any
    sample: TrainingSample
    history: list[Measurements] = dataclasses.field(default_factory=list)
    losses: list[tuple[float, float]] = dataclasses.field(default_factory=list)
    penalty: float = 0.0
    initial_score: Score | None = None
    highest_rate: float = 0.0
    is_over: bool = False
    is_moment: bool = False

    @property
    def latest(self) -> Measurements:
        """The newest measurements."""
        return self.history[-1]

    @property
    def train_score(self) -> Score | None:
        """The newest score on the training sample."""
        return self.latest.train

    @property
    def has_threshold_output(self) -> bool:
        """Whether the model ends with threshold units, whose gradient is chosen, not true."""
        return model_outputs.output_activation(self.model) == "threshold"

    @property
    def largest_update(self) -> Measurements | None:
        """The measurements with the largest update, or None where none was measured."""
        return max(self._with_updates, key=lambda each: each.update, default=None)

    @property
    def at_highest_rate(self) -> Measurements | None:
        """The measurements with the largest update, extrapolated to the highest learning rate.

        During a warm-up few measurements are made at that rate. Updates grow with the rate, so
        those made at the highest rate are scaled up to it. They count double: the rate is read at
        the end of an epoch, and in one that warms up from 0 its mean was half of that. None where
        nothing can be extrapolated.
        """
        known, largest = self._with_updates, self.largest_update
        if largest is None or any(not each.rate < self.highest_rate for each in known):
            return largest
        fastest = max(known, key=lambda each: each.rate)
        if fastest.rate <= 0:
            return None
        update = max(2 * fastest.update * self.highest_rate / fastest.rate, largest.update)
        return dataclasses.replace(fastest, update=update, rate=self.highest_rate)

    @property
    def _with_updates(self) -> list[Measurements]:
        return [each for each in self.history if not math.isnan(each.update)]
