"""Figure of the images with the worst predictions."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasnn import _checks
from kerasnn._core.plotting import given_or_current
from kerasnn.plots import _inputs

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@_checks.known_arguments
def worst(
    x: Any,
    y_true: Any,
    y_pred: Any,
    *,
    count: int = 12,
    labels: Sequence[str] | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draws the images with the smallest predicted probability of the true class, worst first.

    Under each image are its true class, the predicted one, and the probability of the true one.
    They show whether the model or the label is wrong.

    Args:
        x: Images, `(batch, height, width)`, `(batch, height, width, 1)` or `(..., 3)`, of any
            range; they are scaled by the range of all drawn images.
        y_true: Class numbers, `(batch,)` or `(batch, 1)`.
        y_pred: Probabilities, `(batch, classes)`, or `(batch, 1)` of class 1.
        count: Maximum number of images.
        labels: Names of the classes, in the order of their numbers.
        ax: Axes to draw on; None is pyplot's current one, or a new figure's if that has data.

    Returns:
        The Axes: one mosaic of images.

    Raises:
        InvalidArgument: If `x` holds no images, `y_true` is not classes or `y_pred` not
            probabilities, or they differ in length; if `ax` is no Axes.
        TypeError: If an argument is unknown.

    Example:
        >>> images = np.zeros((3, 4, 4))
        >>> ax = worst(images, [0, 1, 1], [[0.9, 0.1], [0.8, 0.2], [0.4, 0.6]], count=2)
        >>> [text.get_text().splitlines() for text in ax.texts]
        [['1, predicted 0', 'p = 0.20'], ['1', 'p = 0.60']]
    """
    _checks.integer("count", count)
    for name, data in (("x", x), ("y_true", y_true), ("y_pred", y_pred)):
        _checks.refuse_masked(name, data)
    images, true, probability = _read(x, y_true, y_pred)
    names = [str(i) for i in range(probability.shape[1])]
    if labels is not None:
        names = _inputs.names_of_classes(labels, len(names))
    of_true = probability[np.arange(len(true)), true]
    order = np.argsort(of_true, kind="stable")[:count]
    columns = math.ceil(math.sqrt(len(order)))
    height, width = images.shape[1:3]
    # Leaves room for two lines of text under an image.
    step, side = height * 1.45, width * 1.15
    shown = images[order].astype(float)
    low, high = shown.min(), shown.max()
    shown = (shown - low) / (high - low or 1.0)
    ax = given_or_current(ax)
    for i, (image, row) in enumerate(zip(shown, order, strict=True)):
        left, top = i % columns * side, i // columns * step
        ax.imshow(
            image,
            cmap="gray_r",
            vmin=0,
            vmax=1,
            extent=(left, left + width, top + height, top),
            interpolation="nearest",
        )
        predicted = int(probability[row].argmax())
        mistake = "" if predicted == true[row] else f", predicted {names[predicted]}"
        ax.text(
            left + width / 2,
            top + height * 1.02,
            f"{names[true[row]]}{mistake}\np = {of_true[row]:.2f}",
            ha="center",
            va="top",
            fontsize="x-small",
        )
    ax.set_xlim(0, columns * side)
    ax.set_ylim(math.ceil(len(order) / columns) * step, 0)
    ax.set_title("smallest probability of the true class")
    ax.set_axis_off()
    return ax


def _read(x: Any, y_true: Any, y_pred: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns images, classes, and probabilities as (rows, classes)."""
    images, true, predicted = np.asarray(x), np.asarray(y_true), np.asarray(y_pred)
    _checks.row_count([("x", images), ("y_true", true), ("y_pred", predicted)])
    images = images[..., 0] if images.ndim == 4 and images.shape[-1] == 1 else images
    if images.ndim != 3 and (images.ndim != 4 or images.shape[-1] != 3):
        rule = "hold images, as (rows, height, width), or with a last axis of 1 or 3"
        raise _checks.InvalidArgument("x", rule, images, got=f"shape {images.shape}")
    _checks.numbers_only("x", images)
    predicted = _inputs.probabilities("y_pred", predicted)
    if predicted.ndim == 1:
        predicted = np.stack([1 - predicted, predicted], axis=1)
    return images, _inputs.class_numbers("y_true", true, predicted.shape[1]), predicted
