"""Errors and findings in the words of the page: its labels in place of arguments."""

import re

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
_NAMED = re.compile(rf"`({_NAMES})`")


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
