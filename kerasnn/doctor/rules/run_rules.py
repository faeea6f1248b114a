"""The list of all rules, in the order in which their findings are reported."""

from kerasnn.doctor.rules import layers, learning_rate, predictions, task
from kerasnn.doctor.rules.evidence import Evidence
from kerasnn.doctor.rules.finding import Finding

_RULES = (
    task.unfit_loss,
    layers.dying_relu,
    layers.vanishing_gradients,
    layers.exploding_gradients,
    layers.saturated_layers,
    predictions.saturated_predictions,
    predictions.constant_predictions,
    learning_rate.rate_too_high,
    learning_rate.rate_too_low,
    predictions.shuffled_labels,
    predictions.overfitting,
    predictions.no_better_than_guessing,
)


def run_rules(evidence: Evidence) -> list[Finding]:
    """Returns the findings of all rules.

    A model that ends with threshold units is tested for linear separability alone: its gradient
    is chosen, and the scale of its weights means nothing.
    """
    rules = (task.not_separable,) if evidence.has_threshold_output else _RULES
    return [finding for rule in rules for finding in rule(evidence)]
