"""All rules, in the order in which what they find is told."""

from kerasnn.callbacks import answer_rules, layer_rules, rate_rules, task_rules
from kerasnn.callbacks.case import Case
from kerasnn.callbacks.finding import Finding

_RULES = (
    task_rules.unfit_loss,
    layer_rules.dying_relu,
    layer_rules.vanishing_gradients,
    layer_rules.exploding_gradients,
    layer_rules.saturated_layers,
    answer_rules.saturated_answers,
    answer_rules.constant_predictions,
    rate_rules.rate_too_high,
    rate_rules.rate_too_low,
    answer_rules.shuffled_labels,
    answer_rules.overfitting,
)


def examine(case: Case) -> list[Finding]:
    """Returns what is wrong, as far as a case shows it.

    Of threshold units nothing is asked but whether they can do it at all: their gradient is
    chosen, and the scale of their weights means nothing.
    """
    rules = (task_rules.not_separable,) if case.fires else _RULES
    return [finding for rule in rules for finding in rule(case)]
