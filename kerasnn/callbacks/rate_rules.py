"""Learning rates that are too high or too low."""

from collections.abc import Iterator
from typing import Any

from kerasnn.callbacks.answer_rules import constant_predictions, saturated_answers
from kerasnn.callbacks.case import Case
from kerasnn.callbacks.finding import Finding
from kerasnn.callbacks.layer_rules import dying_relu, saturated_layers, vanishing_gradients

# Karpathy (CS231n, "Ratio of weights:updates") wants a change of about 1e-3 of the weights in a
# step. An order of magnitude to either side is suspect, if there is harm too: small layers that
# start near zero take larger steps and do well.
_HIGH, _LOW = 1e-2, 1e-4
# Times the loss of the best constant answer, in the mean over an epoch.
_HARM = 3.0
# A model that has learned this much is not held up by its rate.
_LEARNED = 0.5
# A rate is not to blame for a gradient that does not arrive.
_OTHER_CAUSES = (
    dying_relu,
    vanishing_gradients,
    saturated_layers,
    saturated_answers,
    constant_predictions,
)


def rate_too_high(case: Case) -> Iterator[Finding]:
    """Steps that are large next to the weights, and a loss far above that of a constant."""
    if case.train is None or not case.losses:
        return
    worst = max(
        (loss - case.penalty - case.train.least_loss) / case.train.loss_to_learn
        for loss, _ in case.losses
    )
    size = max(case.updates, default=0.0)
    if size > _HIGH and worst > _HARM:
        yield Finding(
            "learning rate too high",
            "",
            size,
            f"A step changed the weights by {size:.2g} of their size, about 0.001 is usual, and "
            f"the loss rose to {worst:.3g} times that of the best constant answer.",
            f"Divide the learning rate{_rate(case.model)} by 10 until the loss falls.",
        )


def rate_too_low(case: Case) -> Iterator[Finding]:
    """Steps that are small next to the weights, and a model that has learned little by the end."""
    if not case.is_over or case.train is None or not case.updates:
        return
    held_up = any(any(rule(case)) for rule in _OTHER_CAUSES)
    size, learned = case.updates[-1], case.train.skill
    if size < _LOW and learned < _LEARNED and not held_up:
        yield Finding(
            "learning rate too low",
            "",
            size,
            f"A step changed the weights by {size:.2g} of their size, about 0.001 is usual, and "
            f"{max(learned, 0):.0%} of what there is to learn was learned.",
            f"Multiply the learning rate{_rate(case.model)} by 10, or train for more epochs.",
        )


def _rate(model: Any) -> str:
    try:
        return f" ({float(model.optimizer.learning_rate):g})"
    except (AttributeError, TypeError, ValueError):
        return ""
