"""Figure of the confusion matrix."""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasnn import _checks
from kerasnn._core.display.svg import names_in_figures
from kerasnn._core.plotting import given_or_current
from kerasnn.plots.predictions import inputs

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_NUMBERS = 20
# Size of numbers in points; smaller ones cannot be read.
_LEAST_SIZE = 4.5
# The part that text takes at most of a cell, and the names of the Axes.
_OF_CELL, _OF_AXES = 0.85, 0.33


@_checks.known_arguments
def confusion(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Sequence[str] | None = None,
    normalize: bool = False,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draws the confusion matrix: C[i, j] counts the rows of class i predicted as class j.

    Cells of zeros are blank, so that mistakes stand out. With more than 20 classes, or where they
    do not fit into the cells, a colour bar replaces the numbers. Long names are shortened.

    Args:
        y_true: Classes, `(batch,)`: numbers or names.
        y_pred: Classes as in `y_true`, or predictions: probabilities `(batch, classes)`, of which
            the largest counts, or `(batch, 1)`, where above 0.5 is class 1.
        labels: Names of the classes in the order of their numbers, also of classes that do not
            occur. None shows the numbers or names that occur.
        normalize: Whether to divide each row of the matrix by its sum, so that the diagonal is
            the recall of each class.
        ax: Axes to draw on; None is pyplot's current one, or a new figure's if that has data.

    Returns:
        The Axes: true classes downwards, predicted classes to the right. Names and numbers have
        the size that fits the figure as large as it is now.

    Raises:
        InvalidArgument: If `y_true` or `y_pred` are not classes or probabilities, differ in
            length, or do not fit `labels`; if `ax` is no Axes.
        TypeError: If an argument is unknown.

    Example:
        >>> ax = confusion([0, 0, 1, 1], [[0.1], [0.7], [0.8], [0.9]], labels=["no", "yes"])
        >>> [(*text.get_position(), text.get_text()) for text in ax.texts]
        [(0, 0, '1'), (1, 0, '1'), (1, 1, '2')]
        >>> ax.figure.savefig("confusion.png")  # doctest: +SKIP
    """
    from sklearn.metrics import ConfusionMatrixDisplay, confusion_matrix

    _checks.boolean("normalize", normalize)
    true, predicted, names = _read(y_true, y_pred, labels)
    ax = given_or_current(ax)
    with warnings.catch_warnings():
        # Of a single class scikit-learn warns, though it is named.
        warnings.filterwarnings("ignore", "A single label was found")
        matrix = confusion_matrix(
            true, predicted, labels=names, normalize="true" if normalize else None
        )
    display = ConfusionMatrixDisplay(matrix, display_labels=names_in_figures(names)).plot(
        ax=ax, cmap="Blues", colorbar=False, values_format=".2f" if normalize else "d"
    )
    texts: Any = display.text_
    for text in texts[matrix == 0]:
        text.remove()
    ax.set_title("fraction of the true class" if normalize else "number of rows")
    ax.set_xlabel("predicted class")
    ax.set_ylabel("true class")
    cell = _fit_names(ax)
    numbers = texts[matrix > 0]
    size = _OF_CELL * cell / max(map(_width, numbers)) * numbers[0].get_fontsize()
    if len(names) > _MOST_NUMBERS or size < _LEAST_SIZE:
        for text in numbers:
            text.remove()
        figure: Any = ax.get_figure()
        figure.colorbar(display.im_, ax=ax)
    else:
        for text in numbers:
            text.set_fontsize(min(size, text.get_fontsize()))
    return ax


def _fit_names(ax: Any) -> float:
    """Shrinks and turns the names of classes so that they do not overlap.

    Returns:
        The width of a cell in pixels.
    """
    figure, spec, names = ax.get_figure(), ax.get_subplotspec(), ax.get_yticklabels()
    # The place in the grid: that of the Axes changes with each that is drawn beside it.
    place = spec.get_position(figure) if spec else ax.get_position()
    room, count = min(place.size * figure.bbox.size), len(names)
    widest, highest = max(map(_width, names)), max(n.get_window_extent().height for n in names)
    scale = min(1, _OF_CELL * room / count / highest, _OF_AXES * room / widest)
    ax.tick_params(labelsize=scale * names[0].get_fontsize())
    if scale * widest > _OF_CELL * room / count:
        ax.tick_params(axis="x", labelrotation=90)
        room -= scale * widest
    return room / count


def _width(text: Any) -> float:
    return text.get_window_extent().width


def _read(y_true: Any, y_pred: Any, labels: Any) -> tuple[list[str], list[str], list[str]]:
    """Returns both as class names, and the names of all classes in order."""
    for name, data in (("y_true", y_true), ("y_pred", y_pred)):
        _checks.refuse_masked(name, data)
    true, predicted = np.asarray(y_true), np.asarray(y_pred)
    _checks.row_count([("y_true", true), ("y_pred", predicted)])
    true = inputs.classes("y_true", true)
    predicted, units = _predicted_classes(predicted)
    if labels is not None:
        names = inputs.names_of_classes(labels, units)
        why = f", since `labels` names {len(names)} classes"
    elif units is not None:
        names = [str(number) for number in range(units)]
        why = f", since `y_pred` holds probabilities of {units} classes"
    elif true.dtype == predicted.dtype:
        names = [str(value) for value in np.unique(np.concatenate([true, predicted])).tolist()]
        return [str(value) for value in true], [str(value) for value in predicted], names
    else:
        kinds = ["numbers" if a.dtype.kind == "i" else "names" for a in (true, predicted)]
        raise _checks.InvalidArgument(
            "y_pred",
            "hold class numbers if `y_true` does, and names if `y_true` does",
            predicted,
            "To map numbers to names, use `labels`.",
            got=f"{kinds[1]} in `y_pred` and {kinds[0]} in `y_true`",
        )
    return _named("y_true", true, names, why), _named("y_pred", predicted, names, why), names


def _predicted_classes(predicted: np.ndarray) -> tuple[np.ndarray, int | None]:
    """Returns one class per row, and of probabilities the number of classes."""
    if predicted.ndim == 2 and predicted.shape[1] > 1:
        _checks.numbers_only("y_pred", predicted)
        _checks.finite_range("y_pred", predicted)
        return predicted.argmax(axis=1), predicted.shape[1]
    if predicted.dtype.kind == "f" and (predicted != np.floor(predicted)).any():
        low, high = _checks.finite_range("y_pred", predicted)
        if low < 0 or high > 1:
            raise _checks.InvalidArgument(
                "y_pred",
                "hold classes, or probabilities between 0 and 1",
                predicted,
                got=f"numbers from {low:g} to {high:g}",
            )
        return inputs.classes("y_pred", predicted > 0.5), 2
    return inputs.classes("y_pred", predicted), None


def _named(name: str, array: np.ndarray, names: list[str], why: str) -> list[str]:
    is_number = array.dtype.kind == "i"
    known = set(range(len(names)) if is_number else names)
    for row, value in enumerate(array.tolist()):
        if value not in known:
            rule = (
                f"class numbers from 0 to {len(names) - 1}"
                if is_number
                else f"names among {', '.join(names)}"
            )
            hint = _checks.did_you_mean(value, names) or "Name every class with `labels`."
            raise _checks.InvalidArgument(
                name, f"hold {rule}{why}", value, hint, got=f"{value!r} in row {row}"
            )
    return [names[value] for value in array] if is_number else array.tolist()
