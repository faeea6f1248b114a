"""All rules, in the order in which what they find is told."""

from kerasnn.doctor.rules import layers, learning_rate, predictions, task
from kerasnn.doctor.rules.evidence import Case
from kerasnn.doctor.rules.finding import Finding

_RULES = (
    task.unfit_loss,
    layers.dying_relu,
    layers.vanishing_gradients,
    layers.exploding_gradients,
    layers.saturated_layers,
    predictions.saturated_answers,
    predictions.constant_predictions,
    learning_rate.rate_too_high,
    learning_rate.rate_too_low,
    predictions.shuffled_labels,
    predictions.overfitting,
)


def examine(case: Case) -> list[Finding]:
    """Returns what is wrong, as far as a case shows it.

    Of threshold units nothing is asked but whether they can do it at all: their gradient is
    chosen, and the scale of their weights means nothing.
    """
    rules = (task.not_separable,) if case.fires else _RULES
    return [finding for rule in rules for finding in rule(case)]
