"""How good a model's answers are, next to those of one that looks at no input."""

import dataclasses
from typing import Any

import keras
import numpy as np

from kerasnn._core import model_outputs
from kerasnn.doctor.measure.training_sample import Sample

# An output within this share of its range from an end counts as saturated.
SATURATED = 0.01
_TINY = 1e-7
# One-sided 99% of the normal distribution.
_SIGMAS = 2.33


@dataclasses.dataclass(frozen=True)
class Score:
    """Answers on a sample.

    Args:
        rows: Number of answers.
        skill: 1 - (loss - least) / (loss of the best constant answer - least), where least is the
            loss of the targets themselves: 1 is perfect, 0 no better than the best constant.
        least_loss: That least loss, in the same scale as `loss_to_learn`.
        loss_to_learn: Loss of the best constant answer less the least one, in the scale of what
            `fit` reports: each row times its weight.
        zero_loss: Loss of what an output layer says before it has learned anything, 0 or equal
            probabilities, less the least one: above `loss_to_learn` by what targets have in common.
        agreement: Accuracy; for real targets the correlation with them.
        chance: What agreement would be without the inputs: the share of the commonest class; 0
            for real targets.
        spread: Standard deviation of the answers over the rows, the largest of all outputs; for
            real targets in units of theirs.
        wrong_end: Share of answers at one end of the output's range whose target is at the other.
        correlation: Of answers and targets. It shows what a rare class hides in the accuracy.
    """

    rows: int
    skill: float
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
        """The loss that was reached, as `fit` reports it, less what regularisers add."""
        return self.least_loss + (1 - self.skill) * self.loss_to_learn

    @property
    def is_chance(self) -> bool:
        """Whether the answers are no better than luck alone would make them in 99 of 100 cases."""
        lucky = _SIGMAS / self.rows**0.5
        return not self.would_show(self.mastery) and self.correlation <= lucky

    def would_show(self, mastery: float) -> bool:
        """Whether so much mastery is more than luck; of a rare class even all of it may not be."""
        return mastery * (1 - self.chance) > _SIGMAS * self.luck

    @property
    def luck(self) -> float:
        """Standard deviation of the agreement of answers that look at no input."""
        deviation = (self.chance * (1 - self.chance)) ** 0.5 if self.chance else 1.0
        return deviation / self.rows**0.5

    @property
    def mastery(self) -> float:
        """Agreement on a scale from 0, chance, to 1, perfect."""
        return (self.agreement - self.chance) / max(1 - self.chance, _TINY)


def score(model: Any, sample: Sample, answers: Any) -> Score | None:
    """Returns the score of a model with one output whose loss is a known one, or None.

    None too where all targets with a weight are the same: then there is nothing to be told from a
    constant.
    """
    kind = model_outputs.kind_of_targets(model)
    if kind == "custom" or sample.y is None or keras.tree.is_nested(answers):
        return None
    loss = model_outputs.loss_function(model)
    predicted, target, weight = _flat(sample, answers, kind)
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
        skill=1 - (reached - least) / (at_chance - least),
        least_loss=least,
        loss_to_learn=at_chance - least,
        zero_loss=zero - least,
        agreement=agreement,
        chance=chance,
        spread=float(predicted.std(axis=0).max() / scale),
        wrong_end=_wrong_end(model, predicted, wanted),
        correlation=correlation,
    )


def _flat(sample: Sample, answers: Any, kind: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns answers `(rows, units)`, targets, and the weight of each row.

    A loss divides by the number of rows without weight too, whatever stands in them; here it is a
    copy of the first row with one.
    """
    predicted = np.asarray(keras.ops.cast(answers, "float32"), np.float64)
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
    places = np.where(weight > 0, np.arange(len(weight)), (weight > 0).argmax())
    return predicted[places], target[places], weight


def _accuracy(
    model: Any, kind: str, predicted: np.ndarray, wanted: np.ndarray
) -> tuple[float, float]:
    """Returns the share of right answers, and what it would be for the commonest class alone."""
    if wanted.shape[1] > 1 and kind != "binary":
        right = predicted.argmax(axis=1) == wanted.argmax(axis=1)
        return float(right.mean()), float(wanted.mean(axis=0).max())
    level = 0.0 if model_outputs.has_logits(model_outputs.loss_function(model)) else 0.5
    share = (wanted > 0.5).mean(axis=0)
    right = (predicted > level) == (wanted > 0.5)
    return float(right.mean()), float(np.maximum(share, 1 - share).mean())


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
    # A softmax answer is at the wrong end as a whole.
    wrong = ((at_low & (wanted > middle)) | (at_high & (wanted < middle))).any(axis=1)
    return float(wrong.mean())
