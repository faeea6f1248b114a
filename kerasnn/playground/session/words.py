"""Errors and findings in the words of the page: its labels in place of arguments."""

import dataclasses
import re

from kerasnn.doctor.rules.finding import Finding

# Argument -> label of its control.
_LABELS = (
    ("dataset", "Data set"),
    ("task", "Problem"),
    ("classes", "Classes"),
    ("train_ratio", "Training part"),
    ("test_size", "Training part"),
    ("noise", "Noise"),
    ("batch_size", "Batch size"),
    ("data_seed", "Data seed"),
    ("features", "The choice of inputs"),
    ("hidden", "Hidden layers"),
    ("activation", "Activation"),
    ("activations", "Activation"),
    ("initialization", "First weights"),
    ("dropout", "Dropout"),
    ("batch_normalization", "Batch normalisation"),
    ("batch_norm", "Batch normalisation"),
    ("seed", "Seed"),
    ("loss", "Loss"),
    ("optimizer", "Optimizer"),
    ("learning_rate", "Learning rate"),
    ("schedule", "Schedule"),
    ("schedule_epochs", "Over epochs"),
    ("l1", "L1"),
    ("l2", "L2"),
    ("early_stopping", "Early stopping"),
    ("EarlyStopping", "Early stopping"),
    ("table", "Your table"),
    ("path", "Your table"),
    ("target", "Target"),
    ("plot_x", "Across"),
    ("plot_y", "Upwards"),
    ("folds", "Folds"),
    ("cv", "Folds"),
    ("directions", "Directions"),
    ("value", "The new value"),
)
_NAMES = "|".join(name for name, _ in _LABELS)
_GOT = re.compile(rf"\bgot (?:{_NAMES})=")
_SWITCHED_ON = re.compile(rf"`?\b({_NAMES})=True\b`?")
_SET = re.compile(rf"`?\b({_NAMES})=(?:'([^'\n]*)'|(-?\d[\d.e+-]*\d|-?\d))`?")
_STANDARDISE = re.compile(r"standardise (?:the inputs|inputs and targets), (\w)", re.IGNORECASE)
_NAMED = re.compile(rf"`({_NAMES})`")


def of_finding(finding: Finding, *, is_standardised: bool) -> str:
    """Returns a finding of the doctor in the words of the page.

    Args:
        finding: The finding.
        is_standardised: Whether the inputs are standardised, so that this is no advice.

    >>> advice = "Standardise the inputs, start from smaller weights, or use activation='relu'."
    >>> finding = Finding("saturated outputs", "hidden_1", 0.9, "90% of them are.", advice)
    >>> of_finding(finding, is_standardised=True)
    'saturated outputs in hidden_1: 90% of them are. Start from smaller weights, or use \
Activation relu.'
    """
    hint = finding.hint
    if is_standardised:
        hint = _STANDARDISE.sub(_next_word, hint)
    return in_words(str(dataclasses.replace(finding, hint=hint)))


def _next_word(found: re.Match[str]) -> str:
    return found[1].upper() if found[0][0].isupper() else found[1]


def in_words(text: str) -> str:
    """Returns the text of an error or a finding with the page's labels in place of arguments.

    >>> in_words("`hidden` must be numbers; got hidden='a,b'.")
    "Hidden layers must be numbers; got 'a,b'."
    >>> in_words("Use activation='relu' or `batch_norm=True`. Stop early (`EarlyStopping`).")
    'Use Activation relu or Batch normalisation. Stop early (Early stopping).'
    """
    labels = dict(_LABELS)
    text = _GOT.sub("got ", text)
    text = _SWITCHED_ON.sub(lambda found: labels[found[1]], text)
    text = _SET.sub(lambda found: f"{labels[found[1]]} {found[2] or found[3]}", text)
    return _NAMED.sub(lambda found: labels[found[1]], text)
