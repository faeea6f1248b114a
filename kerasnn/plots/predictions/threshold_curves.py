"""Figures over all thresholds: ROC curve, and precision against recall."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasnn import _checks
from kerasnn._core.display.svg import names_in_figures
from kerasnn._core.plotting import given_or_current, line_look
from kerasnn.plots.predictions import inputs

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_CURVES = 7
# A figure has fewer pixels.
_MOST_POINTS = 1_000

# Name, targets as 0 or 1, and probabilities of a class or label.
_Pair = tuple[str, np.ndarray, np.ndarray]


@_checks.known_arguments
def roc(
    y_true: Any, y_pred: Any, *, labels: Sequence[str] | None = None, ax: "Axes | None" = None
) -> "Axes":
    """Draws the ROC curve: the true against the false positive rate, over all thresholds.

    On the dotted line are random predictions. The legend has the area under the curve: the
    probability that a random row of the class has a higher probability than a random other row.
    With several classes or labels there is a curve of each against the rest; of more than seven the
    ones with the smallest areas.

    Args:
        y_true: Class numbers, `(batch,)` or `(batch, 1)`; or for labels, of which a row may have
            several, zeros and ones, `(batch, labels)`.
        y_pred: Probabilities: `(batch,)` or `(batch, 1)` of class 1, `(batch, classes)` or
            `(batch, labels)`.
        labels: Names of the classes or labels, in the order of their numbers.
        ax: Axes to draw on; None is pyplot's current one, or a new figure's if that has data.

    Returns:
        The Axes: the true positive rate against the false positive rate.

    Raises:
        InvalidArgument: If `y_true` is not classes or labels, `y_pred` not probabilities, or they
            do not fit together; if no class has both rows of it and others; if `ax` is no Axes.
        TypeError: If an argument is unknown.

    Example:
        >>> ax = roc([0, 1, 0, 1], [0.1, 0.4, 0.35, 0.8])
        >>> ax.get_legend().get_title().get_text(), ax.lines[0].get_label()
        ('area under the curve', '1.000')

    Reference:
        Fawcett (2006), An introduction to ROC analysis, doi:10.1016/j.patrec.2005.10.010.
    """
    from sklearn.metrics import roc_auc_score, roc_curve

    pairs = _pairs(y_true, y_pred, labels)
    areas = [float(roc_auc_score(y, p)) for _, y, p in pairs]
    ax = given_or_current(ax)
    for look, (_, y, p) in _drawn(pairs, areas, named=labels is not None):
        wrong, right, _ = roc_curve(y, p)
        ax.plot(_thinned(wrong), _thinned(right), **look)
    ax.plot([0, 1], [0, 1], color="black", linestyle=":", linewidth=0.8)
    _finish(ax, "false positive rate", "true positive rate")
    ax.legend(loc="lower right", title=_title("area under the curve", pairs))
    return ax


@_checks.known_arguments
def precision_recall(
    y_true: Any, y_pred: Any, *, labels: Sequence[str] | None = None, ax: "Axes | None" = None
) -> "Axes":
    """Draws precision against recall, over all thresholds.

    Precision is the fraction of the rows predicted as a class that belong to it, recall the
    fraction of its rows that are found. Where a class is rare, this shows more than `roc`. The
    legend has the average precision: the mean of the precision, weighted by the rise of the recall.
    With several classes or labels there is a curve of each against the rest; of more than seven the
    ones with the smallest average precisions.

    Args:
        y_true: Class numbers, `(batch,)` or `(batch, 1)`; or for labels, of which a row may have
            several, zeros and ones, `(batch, labels)`.
        y_pred: Probabilities: `(batch,)` or `(batch, 1)` of class 1, `(batch, classes)` or
            `(batch, labels)`.
        labels: Names of the classes or labels, in the order of their numbers.
        ax: Axes to draw on; None is pyplot's current one, or a new figure's if that has data.

    Returns:
        The Axes: precision against recall.

    Raises:
        InvalidArgument: If `y_true` is not classes or labels, `y_pred` not probabilities, or they
            do not fit together; if no class has both rows of it and others; if `ax` is no Axes.
        TypeError: If an argument is unknown.

    Example:
        >>> ax = precision_recall([0, 1, 1], [[0.8, 0.2], [0.6, 0.4], [0.1, 0.9]])
        >>> [line.get_label() for line in ax.lines]
        ['0 1.000', '1 1.000']

    Reference:
        Davis & Goadrich (2006), doi:10.1145/1143844.1143874.
    """
    from sklearn.metrics import average_precision_score, precision_recall_curve

    pairs = _pairs(y_true, y_pred, labels)
    averages = [float(average_precision_score(y, p)) for _, y, p in pairs]
    ax = given_or_current(ax)
    for look, (_, y, p) in _drawn(pairs, averages, named=labels is not None):
        precision, recall, _ = precision_recall_curve(y, p, drop_intermediate=True)
        # At recall 0 scikit-learn adds a precision of 1, which no threshold has.
        precision[-1] = precision[-2]
        ax.plot(_thinned(recall), _thinned(precision), drawstyle="steps-post", **look)
    _finish(ax, "recall", "precision")
    # Said aloud, since Matplotlib warns of a long search for the place that is its default.
    ax.legend(loc="best", title=_title("average precision", pairs))
    return ax


def _drawn(
    pairs: list[_Pair], areas: list[float], *, named: bool
) -> list[tuple[dict[str, Any], _Pair]]:
    """Returns those with the smallest areas in their order, and the look of each one's curve."""
    chosen = sorted(np.argsort(areas, kind="stable")[:_MOST_CURVES])
    # Of all curves, since long names get the number of their class.
    names = names_in_figures([name for name, *_ in pairs])
    texts = [f"{names[i]} {areas[i]:.3f}" for i in chosen]
    if len(pairs) == 1 and not named:
        texts = [f"{areas[0]:.3f}"]
    return [({**line_look(k), "label": texts[k]}, pairs[i]) for k, i in enumerate(map(int, chosen))]


def _title(area: str, pairs: list[_Pair]) -> str:
    """Returns the title of the legend, which says whether curves are left out."""
    if len(pairs) <= _MOST_CURVES:
        return area
    return f"{area}\n(the {_MOST_CURVES} smallest of {len(pairs)})"


def _finish(ax: Any, x: str, y: str) -> None:
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylim(-0.02, 1.02)


def _thinned(values: np.ndarray) -> np.ndarray:
    if len(values) <= _MOST_POINTS:
        return values
    return values[np.linspace(0, len(values) - 1, _MOST_POINTS).astype(int)]


def _pairs(y_true: Any, y_pred: Any, labels: Any) -> list[_Pair]:
    """Returns the classes or labels that have both rows of them and others."""
    true, predicted = inputs.true_and_probabilities(y_true, y_pred)
    if predicted.ndim == 1:
        numbers = inputs.class_numbers("y_true", true, 2)
        names = ["0", "1"] if labels is None else inputs.names_of_classes(labels, 2, "of `y_true`")
        found = [(names[1], numbers, predicted)]
    else:
        count = predicted.shape[1]
        names = [str(i) for i in range(count)]
        if labels is not None:
            names = inputs.names_of_classes(labels, count)
        each = _of_each(true, count)
        found = [(name, each[:, i], predicted[:, i]) for i, name in enumerate(names)]
    both = [(name, y, p) for name, y, p in found if 0 < y.mean() < 1]
    if not both:
        rule = "hold rows of a class, and others"
        value = true.ravel()[0].item()
        raise _checks.InvalidArgument("y_true", rule, value, got=f"{value!r} in every row")
    return both


def _of_each(true: np.ndarray, count: int) -> np.ndarray:
    """Returns zeros and ones, `(rows, classes)`."""
    if true.ndim == 2 and true.shape[1] == count > 1:
        _checks.numbers_only("y_true", true)
        low, high = _checks.finite_range("y_true", true)
        if low < 0 or high > 1 or not np.isin(true, (0, 1)).all():
            rule = "hold zeros and ones, a column for each label"
            raise _checks.InvalidArgument(
                "y_true", rule, true, got=f"numbers from {low:g} to {high:g}"
            )
        return true.astype(int)
    return np.eye(count, dtype=int)[inputs.class_numbers("y_true", true, count)]
