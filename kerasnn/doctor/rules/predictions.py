"""Faults that the model's answers show."""

import math
import statistics
from collections.abc import Iterator

from kerasnn._core import model_outputs
from kerasnn.doctor.rules.evidence import Case
from kerasnn.doctor.rules.finding import Finding

_WRONG_END = 0.1
# Standard deviation of a probability, or of an output in units of the targets': what float32 lets
# a dead or saturated network show. An LSTM that has learned nothing yet is above 1e-4.
_CONSTANT = 1e-5
_NOTHING_LEARNED = 0.05
# Share of what there is to learn that validation has lost again.
_LOST = 0.1
_LAST_EPOCHS = 3
# Training has learned half of what there is between chance and perfect, or so much that half of it
# would stand out in the rows that are looked at: many classes are learned by heart slowly.
_MASTERED = 0.5
_STANDS_OUT = 4.0
# Of that, validation has less than a quarter, and no more than luck may have given it.
_TRANSFERRED = 0.25
# With fewer rows chance cannot be told from skill.
_FEWEST_ROWS = 20


def saturated_answers(case: Case) -> Iterator[Finding]:
    """Predictions at one end of the output's range whose targets are at the other.

    A cross-entropy with its own sigmoid or softmax passes on the whole error there. A healthy
    network can be sure and wrong for an epoch under it, and recovers.
    """
    fades = model_outputs.gradient_fades(case.model)
    if fades and case.train is not None and case.train.wrong_end >= _WRONG_END:
        share = case.train.wrong_end
        yield Finding(
            "saturated outputs",
            model_outputs.output_layer(case.model).name,
            share,
            f"{share:.0%} of the training rows are answered at the wrong end of the range of "
            f"{model_outputs.output_activation(case.model)}, where its derivative is near 0.",
            "Use the cross-entropy, whose gradient does not fade there, standardise the inputs, "
            "or start from smaller weights.",
        )


def constant_predictions(case: Case) -> Iterator[Finding]:
    """The same answer for every row."""
    train = case.train
    if train is not None and train.spread < _CONSTANT and train.skill < _NOTHING_LEARNED:
        yield Finding(
            "constant predictions",
            "",
            train.spread,
            f"The answers vary by {train.spread:.1e} over the training rows: the model looks at "
            "no input.",
            "Look for a dead or saturated layer, lower the learning rate, and check that the "
            "inputs vary.",
        )


def overfitting(case: Case) -> Iterator[Finding]:
    """A validation loss that rises while the training loss falls."""
    if case.train is None or len(case.losses) <= _LAST_EPOCHS:
        return
    held = [loss for _, loss in case.losses if not math.isnan(loss)]
    if len(held) <= _LAST_EPOCHS:
        return
    best = min(held)
    at_best = next(loss for loss, val_loss in case.losses if val_loss == best)
    # Weights give training another scale; to learn a heavy class costs loss in validation.
    scores = (case.train, case.now.validation)
    to_learn = max(score.loss_to_learn for score in scores if score is not None)
    lost = (statistics.median(held[-_LAST_EPOCHS:]) - best) / to_learn
    if lost >= _LOST and case.losses[-1][0] < at_best:
        epoch = 1 + next(i for i, (_, val_loss) in enumerate(case.losses) if val_loss == best)
        yield Finding(
            "overfitting",
            "",
            lost,
            f"Since epoch {epoch} the validation loss has risen by {lost:.0%} of what there is to "
            "learn, and the training loss has fallen.",
            "Stop early (`EarlyStopping`), add `dropout` or `l2`, use a smaller network, or get "
            "more data.",
        )


def shuffled_labels(case: Case) -> Iterator[Finding]:
    """Validation at chance while training is not."""
    train, held = case.train, case.now.validation
    if train is None or held is None or held.rows < _FEWEST_ROWS:
        return
    at_chance = held.is_chance and held.mastery < _TRANSFERRED * train.mastery
    half = train.mastery / 2 * (1 - train.chance)
    has_learned = train.mastery >= _MASTERED or half >= _STANDS_OUT * max(train.luck, held.luck)
    if has_learned and at_chance and held.would_show(train.mastery):
        measure = "accuracy" if held.chance else "correlation"
        yield Finding(
            "labels shuffled against inputs",
            "",
            held.agreement,
            f"The {measure} is {held.agreement:.2f} on validation rows, where chance gives "
            f"{held.chance:.2f}, and {train.agreement:.2f} on training rows: they were learned by "
            "heart.",
            "Check that row i of the targets belongs to row i of the inputs, before and after "
            "every split and shuffle; if it does, the inputs say nothing about the targets.",
        )
