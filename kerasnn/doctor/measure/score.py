"""Scores of predictions, relative to the best constant prediction."""

import dataclasses
from typing import Any

import keras
import numpy as np

from kerasnn._core import model_outputs
from kerasnn.doctor.measure.training_sample import TrainingSample

# An output within this fraction of its range from an end counts as saturated.
SATURATED = 0.01
_TINY = 1e-7
# One-sided 99% quantile of the normal distribution.
_SIGMAS = 2.33


@dataclasses.dataclass(frozen=True)
class Score:
    """Score of predictions on a sample.

    Args:
        rows: Number of predictions.
        skill_score: 1 - (loss - least) / (loss of the best constant prediction - least), where
            least is the loss of the targets themselves: 1 is perfect, 0 no better than a constant.
        least_loss: That least loss, in the scale of `loss_to_learn`.
        loss_to_learn: Loss of the best constant prediction minus the least one, in the scale of
            the loss that `fit` reports: each row times its weight.
        zero_loss: Loss of an untrained output layer, which predicts 0 or equal probabilities,
            minus the least one. It exceeds `loss_to_learn` by the part due to the targets' mean.
        agreement: Accuracy; for real targets the correlation with them.
        chance: Agreement without the inputs: the frequency of the most common class; 0 for real
            targets.
        spread: Standard deviation of the predictions over the rows, the largest of all outputs;
            for real targets in units of theirs.
        wrong_end: Fraction of predictions at one end of the output's range whose target is at the
            other.
        correlation: Of predictions and targets. It shows a rare class, which accuracy hides.
    """

    rows: int
    skill_score: float
    least_loss: float
    loss_to_learn: float
    zero_loss: float
    agreement: float
    chance: float
    spread: float
    wrong_end: float
    correlation: float

    @property
    def loss(self) -> float:
        """The loss as `fit` reports it, without regularisers."""
        return self.least_loss + (1 - self.skill_score) * self.loss_to_learn

    @property
    def is_chance(self) -> bool:
        """Whether the predictions are within the one-sided 99% interval of chance."""
        bound = _SIGMAS / self.rows**0.5
        return not self.exceeds_chance(self.kappa) and self.correlation <= bound

    def exceeds_chance(self, kappa: float) -> bool:
        """Whether a kappa on these rows is above chance; with a rare class even 1 may not be."""
        return kappa * (1 - self.chance) > _SIGMAS * self.chance_error

    @property
    def chance_error(self) -> float:
        """Standard error of the agreement under chance, of predictions that use no input."""
        deviation = (self.chance * (1 - self.chance)) ** 0.5 if self.chance else 1.0
        return deviation / self.rows**0.5

    @property
    def kappa(self) -> float:
        """Chance-corrected agreement, 0 at chance and 1 if perfect: a kappa statistic."""
        return (self.agreement - self.chance) / max(1 - self.chance, _TINY)


def score(model: Any, sample: TrainingSample, predictions: Any) -> Score | None:
    """Returns the score of a model with one output and one of Keras's usual losses, or None.

    Also None where all targets with a weight are equal: then a constant is perfect.
    """
    kind = model_outputs.kind_of_targets(model)
    if kind == "custom" or sample.y is None or keras.tree.is_nested(predictions):
        return None
    loss = model_outputs.loss_function(model)
    predicted, target, weight = _flat(sample, predictions, kind)
    if not weight.any():
        return None
    wanted = np.eye(predicted.shape[1])[target] if kind == "classes" else target
    best = model_outputs.smoothed(loss, kind, wanted)
    constant = np.broadcast_to(np.average(best, axis=0, weights=weight), best.shape)
    least, at_chance, zero, reached = (
        model_outputs.mean_loss(loss, target, values, weight)
        for values in (
            model_outputs.as_output(loss, kind, best),
            model_outputs.as_output(loss, kind, constant),
            model_outputs.as_output(loss, kind, model_outputs.equal(kind, wanted)),
            predicted,
        )
    )
    if at_chance - least <= _TINY * max(1.0, abs(least)):
        return None
    predicted, wanted = predicted[weight > 0], wanted[weight > 0]
    correlation = _correlation(predicted, wanted)
    agreement, chance = correlation, 0.0
    if model_outputs.are_classes(model, kind, wanted):
        agreement, chance = _accuracy(model, kind, predicted, wanted)
    scale = wanted.std(axis=0).max() if kind in ("real", "counts") else 1.0
    return Score(
        rows=len(predicted),
        skill_score=1 - (reached - least) / (at_chance - least),
        least_loss=least,
        loss_to_learn=at_chance - least,
        zero_loss=zero - least,
        agreement=agreement,
        chance=chance,
        spread=float(predicted.std(axis=0).max() / scale),
        wrong_end=_wrong_end(model, predicted, wanted),
        correlation=correlation,
    )


def _flat(
    sample: TrainingSample, predictions: Any, kind: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns predictions `(rows, units)`, targets, and the weight of each row.

    A loss divides by the number of all rows. Those of weight 0 may hold anything, so each is
    replaced by a copy of the first row with a weight.
    """
    predicted = np.asarray(keras.ops.cast(predictions, "float32"), np.float64)
    units = predicted.shape[-1]
    predicted = predicted.reshape(-1, units)
    y = np.asarray(sample.y)
    target = y.reshape(-1).astype(int) if kind == "classes" else y.reshape(-1, units).astype(float)
    weight = np.ones(1)
    if sample.sample_weight is not None:
        weight = np.asarray(sample.sample_weight, np.float64).reshape(-1)
    if len(predicted) % weight.size:
        weight = weight.mean(keepdims=True)
    weight = np.repeat(weight, len(predicted) // weight.size)
    indices = np.where(weight > 0, np.arange(len(weight)), (weight > 0).argmax())
    return predicted[indices], target[indices], weight


def _accuracy(
    model: Any, kind: str, predicted: np.ndarray, wanted: np.ndarray
) -> tuple[float, float]:
    """Returns the accuracy, and the accuracy of predicting the most common class."""
    if wanted.shape[1] > 1 and kind != "binary":
        right = predicted.argmax(axis=1) == wanted.argmax(axis=1)
        return float(right.mean()), float(wanted.mean(axis=0).max())
    level = 0.0 if model_outputs.has_logits(model_outputs.loss_function(model)) else 0.5
    positive = (wanted > 0.5).mean(axis=0)
    right = (predicted > level) == (wanted > 0.5)
    return float(right.mean()), float(np.maximum(positive, 1 - positive).mean())


def _correlation(predicted: np.ndarray, wanted: np.ndarray) -> float:
    a, b = (values - values.mean(axis=0) for values in (predicted, wanted))
    norms = np.linalg.norm(a) * np.linalg.norm(b)
    return float((a * b).sum() / norms) if norms > _TINY else 0.0


def _wrong_end(model: Any, predicted: np.ndarray, wanted: np.ndarray) -> float:
    ends = model_outputs.RANGES.get(model_outputs.output_activation(model))
    if ends is None:
        return 0.0
    low, high = ends
    margin, middle = SATURATED * (high - low), (low + high) / 2
    at_low, at_high = predicted < low + margin, predicted > high - margin
    # One wrong class makes the whole softmax prediction wrong.
    wrong = ((at_low & (wanted > middle)) | (at_high & (wanted < middle))).any(axis=1)
    return float(wrong.mean())
