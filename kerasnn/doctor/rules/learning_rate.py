"""Learning rates that are too high or too low."""

from collections.abc import Iterator

from kerasnn.doctor.measure.measurements import Vitals
from kerasnn.doctor.measure.score import Score
from kerasnn.doctor.rules.evidence import Case
from kerasnn.doctor.rules.finding import Finding
from kerasnn.doctor.rules.layers import (
    dying_relu,
    exploding_gradients,
    saturated_layers,
    vanishing_gradients,
)
from kerasnn.doctor.rules.predictions import constant_predictions, saturated_answers

# Karpathy (CS231n, "Ratio of weights:updates") wants a change of about 1e-3 of the weights in a
# step. An order of magnitude to either side is suspect, if there is harm too: small layers that
# start near zero take larger steps and do well.
_HIGH, _LOW = 1e-2, 1e-4
# Times the loss of the best constant answer and the lowest from before, in the mean over an epoch.
_HARM = 3.0
# A model that has learned this much is not held up by its rate.
_LEARNED = 0.5
# A rate is not to blame for a gradient that does not arrive, or that needs small steps.
_OTHER_CAUSES = (
    dying_relu,
    vanishing_gradients,
    exploding_gradients,
    saturated_layers,
    saturated_answers,
    constant_predictions,
)


def rate_too_high(case: Case) -> Iterator[Finding]:
    """Steps that are large next to the weights, and a loss that rises far above a constant's."""
    if case.train is None or case.largest is None:
        return
    size, worst = case.largest.update, _highest_rise(case, case.train)
    if size > _HIGH and worst > 0:
        yield Finding(
            "learning rate too high",
            "",
            size,
            f"A step changed the weights by {size:.2g} of their size, about 0.001 is usual, and "
            f"the loss rose to {worst:.3g} times that of the best constant answer.",
            f"Divide the learning rate{_rate(case.largest)} by 10 until the loss falls.",
        )


def rate_too_low(case: Case) -> Iterator[Finding]:
    """Steps that were never large next to the weights, and a model that has learned little."""
    # The last one is small wherever the rate decays, and the first where it warms up.
    look = case.at_top_rate
    if not case.is_over or case.train is None or look is None:
        return
    held_up = any(any(rule(case)) for rule in _OTHER_CAUSES)
    size, learned = look.update, case.train.skill
    if size < _LOW and learned < _LEARNED and not held_up:
        yield Finding(
            "learning rate too low",
            "",
            size,
            f"A step changed the weights by {size:.2g} of their size at most, about 0.001 is "
            f"usual, and {max(learned, 0):.0%} of what there is to learn was learned.",
            f"Multiply the learning rate{_rate(look)} by 10, or train for more epochs.",
        )


def _highest_rise(case: Case, train: Score) -> float:
    """Returns the highest loss, next to that of a constant, that training rose to; 0 for none.

    What was as high before training has not risen: targets far from 0 cost as much at first.
    """
    lowest, highest = (1.0 if case.start is None else 1 - case.start.skill), 0.0
    for loss, _ in case.losses:
        now = (loss - case.penalty - train.least_loss) / train.loss_to_learn
        if now > _HARM * max(1.0, lowest):
            highest = max(highest, now)
        lowest = min(lowest, now)
    return highest


def _rate(look: Vitals) -> str:
    return f" ({look.rate:g})" if look.rate > 0 else ""
