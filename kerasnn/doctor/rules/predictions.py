"""Rules about the model's predictions."""

import math
import statistics
from collections.abc import Iterator

from kerasnn._core import model_outputs
from kerasnn.doctor.rules.evidence import Evidence
from kerasnn.doctor.rules.finding import Finding

_WRONG_END = 0.1
# Standard deviation of a probability, or of an output in units of the targets'. A dead or
# saturated network in float32 stays below it; an LSTM that has learned nothing is above 1e-4.
_CONSTANT = 1e-5
_NOTHING_LEARNED = 0.05
# Rise of the validation loss, as a fraction of the loss that can be learned.
_LOST = 0.1
_LAST_EPOCHS = 3
# Kappa of training from which labels count as memorised; or half of the gain over chance exceeds
# so many standard errors: many classes are memorised slowly.
_MEMORISED = 0.5
_STANDARD_ERRORS = 4.0
# Validation has less than this fraction of training's kappa, and is within chance.
_TRANSFERRED = 0.25
# Standard errors of a mean, squared, by which two constants may differ.
_CONSTANTS_DIFFER = 2.0
GUESSING = "no better than guessing"
GUESSING_HINT = (
    "Get more examples, or inputs that tell more of the target; try a smaller network, a linear "
    "model, or fewer columns of a table; and until then, predict the constant."
)
# With fewer rows a result cannot be told from chance.
_FEWEST_ROWS = 20


def saturated_predictions(evidence: Evidence) -> Iterator[Finding]:
    """Finds predictions at one end of the output's range whose targets are at the other.

    A cross-entropy with its own sigmoid or softmax passes on the whole error there: a healthy
    network can be confident and wrong for an epoch under it, and recovers.
    """
    fades = model_outputs.gradient_fades(evidence.model)
    if fades and evidence.train_score is not None and evidence.train_score.wrong_end >= _WRONG_END:
        fraction = evidence.train_score.wrong_end
        yield Finding(
            "saturated outputs",
            model_outputs.output_layer(evidence.model).name,
            fraction,
            f"{fraction:.0%} of the predictions on training rows are at the wrong end of the "
            f"range of {model_outputs.output_activation(evidence.model)}, where its derivative is "
            "near 0.",
            "Use the cross-entropy, whose gradient does not fade there, standardise the inputs, "
            "or start from smaller weights.",
        )


def constant_predictions(evidence: Evidence) -> Iterator[Finding]:
    """Finds the same prediction for every row."""
    train = evidence.train_score
    if train is not None and train.spread < _CONSTANT and train.skill_score < _NOTHING_LEARNED:
        yield Finding(
            "constant predictions",
            "",
            train.spread,
            f"The predictions {_varies(train.spread)} over the training rows: they do not depend "
            "on the inputs.",
            _way_out(evidence),
        )


def _way_out(evidence: Evidence) -> str:
    dead = [f"`{layer.name}`" for layer in evidence.latest.layers if layer.dead == 1]
    if dead:
        return f"All units of {' and '.join(dead)} are dead, and nothing passes through them."
    return (
        "Look for a dead or saturated layer, lower the learning rate, and check that the inputs "
        "vary."
    )


def _varies(spread: float) -> str:
    return f"vary by {spread:.1e}" if spread else "do not vary"


def overfitting(evidence: Evidence) -> Iterator[Finding]:
    """Finds a validation loss that rises while the training loss falls."""
    if evidence.train_score is None or len(evidence.losses) <= _LAST_EPOCHS:
        return
    val_losses = [loss for _, loss in evidence.losses if not math.isnan(loss)]
    if len(val_losses) <= _LAST_EPOCHS:
        return
    best = min(val_losses)
    at_best = next(loss for loss, val_loss in evidence.losses if val_loss == best)
    # Row weights give training another scale; learning a heavy class costs loss in validation.
    scores = (evidence.train_score, evidence.latest.validation)
    to_learn = max(score.loss_to_learn for score in scores if score is not None)
    lost = (statistics.median(val_losses[-_LAST_EPOCHS:]) - best) / to_learn
    if lost >= _LOST and evidence.losses[-1][0] < at_best:
        epoch = 1 + next(i for i, (_, val_loss) in enumerate(evidence.losses) if val_loss == best)
        yield Finding(
            "overfitting",
            "",
            lost,
            f"Since epoch {epoch} the validation loss has risen by {lost:.0%} of what can be "
            "learned, and the training loss has fallen.",
            "Stop early (`EarlyStopping`), add `dropout` or `l2`, use a smaller network, or get "
            "more data.",
        )


def shuffled_labels(evidence: Evidence) -> Iterator[Finding]:
    """Finds validation at chance while training is not."""
    train, validation = evidence.train_score, evidence.latest.validation
    if train is None or validation is None or validation.rows < _FEWEST_ROWS:
        return
    at_chance = validation.is_chance and validation.kappa < _TRANSFERRED * train.kappa
    half = train.kappa / 2 * (1 - train.chance)
    has_learned = train.kappa >= _MEMORISED or half >= _STANDARD_ERRORS * max(
        train.chance_error, validation.chance_error
    )
    if has_learned and at_chance and validation.exceeds_chance(train.kappa):
        measure = "accuracy" if validation.chance else "correlation"
        yield Finding(
            "labels shuffled against inputs",
            "",
            validation.agreement,
            f"The {measure} is {validation.agreement:.2f} on validation rows, where chance gives "
            f"{validation.chance:.2f}, and {train.agreement:.2f} on training rows: they were "
            "memorised.",
            "Check that row i of the targets belongs to row i of the inputs, before and after "
            "every split and shuffle; if it does, the inputs do not determine the targets.",
        )


def no_better_than_guessing(evidence: Evidence) -> Iterator[Finding]:
    """Finds a trained model that a constant prediction beats on validation rows."""
    train, validation = evidence.train_score, evidence.latest.validation
    if not (evidence.is_over or evidence.is_moment) or train is None or validation is None:
        return
    has_learned = train.skill_score >= _NOTHING_LEARNED
    # The best constant for few rows is another one than that of the training rows.
    is_worse = validation.skill_score < -_CONSTANTS_DIFFER / validation.rows
    # Classes may be right where the probabilities are too sure.
    is_wrong = not validation.chance or validation.kappa <= 0
    if has_learned and is_worse and is_wrong and not any(shuffled_labels(evidence)):
        yield Finding(
            GUESSING,
            "",
            validation.skill_score,
            f"On {validation.rows} validation rows the loss is "
            f"{1 - validation.skill_score:.2f} times that of the best constant prediction, on "
            f"training rows {1 - train.skill_score:.2f} times: what was learned does not hold for "
            "other rows.",
            GUESSING_HINT,
        )
