"""Whether a probability means what it says."""

from typing import TYPE_CHECKING, Any

import numpy as np

from kerasnn import _checks
from kerasnn._core.plotting import COLOURS, given_or_new
from kerasnn.plots import _inputs

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@_checks.known_arguments
def reliability(y_true: Any, y_pred: Any, *, bins: int = 10, ax: "Axes | None" = None) -> "Axes":
    """Draws how often the predicted class is the true one against how sure the model was.

    Of the rows that were given a probability near 0.7, seven in ten should be right: then the
    points lie on the dotted line. Below it the model is too sure of itself. The area of a point
    shows how many rows it stands for, and the legend the expected calibration error,

    ECE = sum over bins of (rows in bin / rows) * |accuracy in bin - mean probability in bin|

    Args:
        y_true: Class numbers, `(batch,)` or `(batch, 1)`.
        y_pred: Probabilities: `(batch, classes)`, of which the largest counts, or `(batch, 1)` or
            `(batch,)`, the probability of class 1, which is drawn against the share of class 1.
        bins: Number of bins of equal width over [0, 1].
        ax: Where to draw; None makes a figure, to be had as `.figure` of what is returned.

    Returns:
        The Axes: mean probability of a bin against the share that is right.

    Raises:
        ValueError: If `y_true` is not classes or `y_pred` not probabilities, or they differ in
            length; if `bins` is no positive whole number; if `ax` is no Axes.
        TypeError: If an argument is unknown.

    Example:
        >>> ax = reliability([0, 0, 1, 1], [0.1, 0.1, 0.1, 0.9])
        >>> ax.collections[0].get_label()
        'expected calibration error 0.200'

    Reference:
        Guo, Pleiss, Sun & Weinberger (2017), On calibration of modern neural networks,
        arXiv:1706.04599.
    """
    _checks.whole_number("bins", bins)
    sure, right, words = _read(y_true, y_pred)
    number = np.minimum((sure * bins).astype(int), bins - 1)
    rows = np.bincount(number, minlength=bins)
    filled = rows > 0
    mean = np.bincount(number, sure, minlength=bins)[filled] / rows[filled]
    share = np.bincount(number, right, minlength=bins)[filled] / rows[filled]
    error = float(np.abs(share - mean) @ rows[filled]) / len(sure)
    ax = given_or_new(ax)
    ax.plot([0, 1], [0, 1], color="black", linestyle=":", linewidth=1, label="as it should be")
    ax.plot(mean, share, color=COLOURS[0], linewidth=1)
    ax.scatter(
        mean,
        share,
        s=20 + 180 * rows[filled] / rows.max(),
        color=COLOURS[0],
        label=f"expected calibration error {error:.3f}",
    )
    ax.set_xlabel(words[0])
    ax.set_ylabel(words[1])
    ax.set_xlim(-0.03, 1.03)
    ax.set_ylim(-0.03, 1.03)
    ax.legend()
    return ax


def _read(y_true: Any, y_pred: Any) -> tuple[np.ndarray, np.ndarray, tuple[str, str]]:
    """Returns probabilities, whether each came true, and the words for both axes."""
    for name, data in (("y_true", y_true), ("y_pred", y_pred)):
        _checks.refuse_masked(name, data)
    true, predicted = np.asarray(y_true), np.asarray(y_pred)
    _checks.row_count([("y_true", true), ("y_pred", predicted)])
    predicted = _inputs.probabilities("y_pred", predicted)
    if predicted.ndim == 1:
        true = _inputs.class_numbers("y_true", true, 2)
        words = "predicted probability of class 1", "share of rows of class 1"
        return predicted, (true == 1).astype(float), words
    true = _inputs.class_numbers("y_true", true, predicted.shape[1])
    words = "probability of the predicted class", "share of rows where it is right"
    return predicted.max(axis=1), (predicted.argmax(axis=1) == true).astype(float), words
