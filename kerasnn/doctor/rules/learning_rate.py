"""Rules about learning rates that are too high or too low."""

from collections.abc import Iterator

from kerasnn.doctor.measure.measurements import Measurements
from kerasnn.doctor.measure.score import Score
from kerasnn.doctor.rules.evidence import Evidence
from kerasnn.doctor.rules.finding import Finding
from kerasnn.doctor.rules.layers import (
    dying_relu,
    exploding_gradients,
    saturated_layers,
    vanishing_gradients,
)
from kerasnn.doctor.rules.predictions import constant_predictions, saturated_predictions

# Karpathy (CS231n, "Ratio of weights:updates") wants a change of about 1e-3 of the weights in a
# step. An order of magnitude to either side is suspect, if it does harm too: small layers that
# start near zero take larger steps and learn well.
_HIGH, _LOW = 1e-2, 1e-4
# Multiple of the best constant's loss, and of the lowest loss so far, in the mean of an epoch.
_HARM = 3.0
# Skill score above which the rate does not hold a model up.
_LEARNED = 0.5
# Faults that explain slow learning without the rate: no gradient, or one that needs small steps.
_OTHER_CAUSES = (
    dying_relu,
    vanishing_gradients,
    exploding_gradients,
    saturated_layers,
    saturated_predictions,
    constant_predictions,
)


def rate_too_high(evidence: Evidence) -> Iterator[Finding]:
    """Finds steps that are large relative to the weights, with a loss far above a constant's."""
    if evidence.train_score is None or evidence.largest_update is None:
        return
    size, worst = evidence.largest_update.update, _highest_rise(evidence, evidence.train_score)
    if size > _HIGH and worst > 0:
        yield Finding(
            "learning rate too high",
            "",
            size,
            f"A step changed the weights by {size:.2g} of their size, about 0.001 is usual, and "
            f"the loss rose to {worst:.3g} times that of the best constant prediction.",
            f"Divide the learning rate{_rate(evidence.largest_update)} by 10 until the loss falls.",
        )


def rate_too_low(evidence: Evidence) -> Iterator[Finding]:
    """Finds steps that were always small relative to the weights, where little was learned."""
    # The last step is small where the rate decays, and the first where it warms up.
    measured = evidence.at_highest_rate
    if not evidence.is_over or evidence.train_score is None or measured is None:
        return
    held_up = any(any(rule(evidence)) for rule in _OTHER_CAUSES)
    size, learned = measured.update, evidence.train_score.skill_score
    if size < _LOW and learned < _LEARNED and not held_up:
        yield Finding(
            "learning rate too low",
            "",
            size,
            f"A step changed the weights by {size:.2g} of their size at most, about 0.001 is "
            f"usual, and {max(learned, 0):.0%} of what can be learned was learned.",
            f"Multiply the learning rate{_rate(measured)} by 10, or train for more epochs.",
        )


def _highest_rise(evidence: Evidence, train: Score) -> float:
    """Returns the highest loss after a rise, as a multiple of a constant's loss; 0 for none.

    A loss that was as high before training is no rise: targets far from 0 cost as much at first.
    """
    lowest, highest = (
        (1.0 if evidence.initial_score is None else 1 - evidence.initial_score.skill_score),
        0.0,
    )
    for loss, _ in evidence.losses:
        now = (loss - evidence.penalty - train.least_loss) / train.loss_to_learn
        if now > _HARM * max(1.0, lowest):
            highest = max(highest, now)
        lowest = min(lowest, now)
    return highest


def _rate(measured: Measurements) -> str:
    return f" ({measured.rate:g})" if measured.rate > 0 else ""
