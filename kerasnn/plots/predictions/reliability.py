"""Reliability diagram of predicted probabilities."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasnn import _checks
from kerasnn._core.display.svg import names_in_figures
from kerasnn._core.plotting import COLOURS, given_or_current
from kerasnn.plots.predictions import inputs

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@_checks.known_arguments
def reliability(
    y_true: Any,
    y_pred: Any,
    *,
    bins: int = 10,
    labels: Sequence[str] | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draws the accuracy of predictions against their probability (reliability diagram).

    Of the rows with a probability near 0.7, seven in ten should be correct: then the points lie
    on the dotted line. Below the line the model is overconfident. The area of a point shows its
    number of rows, and the legend the expected calibration error,

    ECE = sum over bins of (rows in bin / rows) * |accuracy in bin - mean probability in bin|

    Args:
        y_true: Class numbers, `(batch,)` or `(batch, 1)`.
        y_pred: Probabilities: `(batch, classes)`, of which the largest counts, or `(batch, 1)` or
            `(batch,)`, the probability of class 1, drawn against the fraction of class 1.
        bins: Number of bins of equal width over [0, 1].
        labels: Names of the classes, in the order of their numbers: of class 1, whose probability
            is drawn where there are two.
        ax: Axes to draw on; None is pyplot's current one, or a new figure's if that has data.

    Returns:
        The Axes: the fraction of correct rows in each bin against its mean probability.

    Raises:
        InvalidArgument: If `y_true` is not classes or `y_pred` not probabilities, or they differ
            in length; if `bins` is no positive integer; if `ax` is no Axes.
        TypeError: If an argument is unknown.

    Example:
        >>> ax = reliability([0, 0, 1, 1], [0.1, 0.1, 0.1, 0.9])
        >>> ax.collections[0].get_label()
        'expected calibration error 0.200'

    Reference:
        Guo, Pleiss, Sun & Weinberger (2017), On calibration of modern neural networks,
        arXiv:1706.04599.
    """
    _checks.integer("bins", bins)
    probability, correct, names = _read(y_true, y_pred, labels)
    number = np.minimum((probability * bins).astype(int), bins - 1)
    rows = np.bincount(number, minlength=bins)
    filled = rows > 0
    mean = np.bincount(number, probability, minlength=bins)[filled] / rows[filled]
    accuracy = np.bincount(number, correct, minlength=bins)[filled] / rows[filled]
    error = float(np.abs(accuracy - mean) @ rows[filled]) / len(probability)
    ax = given_or_current(ax)
    ax.plot([0, 1], [0, 1], color="black", linestyle=":", linewidth=1, label="perfect calibration")
    ax.plot(mean, accuracy, color=COLOURS[0], linewidth=1)
    ax.scatter(
        mean,
        accuracy,
        s=20 + 180 * rows[filled] / rows.max(),
        color=COLOURS[0],
        label=f"expected calibration error {error:.3f}",
        clip_on=False,  # A large point in a corner is whole.
    )
    ax.set_xlabel(names[0])
    ax.set_ylabel(names[1])
    ax.set_xlim(-0.03, 1.03)
    ax.set_ylim(-0.03, 1.03)
    ax.legend()
    return ax


def _read(y_true: Any, y_pred: Any, labels: Any) -> tuple[np.ndarray, np.ndarray, tuple[str, str]]:
    """Returns probabilities, whether each prediction is correct, and names for both axes."""
    true, predicted = inputs.true_and_probabilities(y_true, y_pred)
    if predicted.ndim == 1:
        true = inputs.class_numbers("y_true", true, 2)
        name = "class 1"
        if labels is not None:
            names = inputs.names_of_classes(labels, 2, "of `y_true`")
            [_, name] = names_in_figures(names)
        names = f"predicted probability of {name}", f"fraction of rows of {name}"
        return predicted, (true == 1).astype(float), names
    true = inputs.class_numbers("y_true", true, predicted.shape[1])
    if labels is not None:
        inputs.names_of_classes(labels, predicted.shape[1])
    names = "probability of the predicted class", "fraction of rows where it is correct"
    return predicted.max(axis=1), (predicted.argmax(axis=1) == true).astype(float), names
