"""Figure of the images with the worst predictions."""

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasnn import _checks
from kerasnn._core.display.blocks import both_ends
from kerasnn._core.display.thumbnails import shrunk
from kerasnn._core.plotting import given_or_current
from kerasnn.plots.predictions import inputs

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Sizes in points.
_FONT, _GAP = 7.0, 6.0
_LINES, _SPACING = 3, 1.25
# About twelve letters.
_LEAST_WIDTH = 60.0
# No image is drawn larger in a usual figure.
_MOST_PIXELS = 256


@_checks.known_arguments
def worst(
    x: Any,
    y_true: Any,
    y_pred: Any,
    *,
    count: int = 12,
    labels: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draws the images with the smallest predicted probability of the true class, worst first.

    Under each image are the name of its row, the true class and the predicted one, each with its
    probability. They show whether the model or the label is wrong. Text that is wider than its
    image keeps its end.

    Args:
        x: Images, `(batch, height, width)`, `(batch, height, width, 1)` or `(..., 3)`, of any
            range; they are scaled by the range of all drawn images. Sides above 256 pixels are
            drawn smaller.
        y_true: Class numbers, `(batch,)` or `(batch, 1)`.
        y_pred: Probabilities, `(batch, classes)`, or `(batch, 1)` of class 1.
        count: Maximum number of images.
        labels: Names of the classes, in the order of their numbers.
        names: Name of each row, such as that of its file; None shows its number.
        ax: Axes to draw on; None is pyplot's current one, or a new figure's if that has data.

    Returns:
        The Axes: one mosaic of images, for the size that the figure has now, or a larger one.

    Raises:
        InvalidArgument: If `x` holds no images, `y_true` is not classes or `y_pred` not
            probabilities, or they or `names` differ in length; if `ax` is no Axes.
        TypeError: If an argument is unknown.

    Example:
        >>> images = np.zeros((3, 4, 4))
        >>> ax = worst(images, [0, 1, 1], [[0.9, 0.1], [0.8, 0.2], [0.4, 0.6]], count=2)
        >>> [text.get_text().splitlines() for text in ax.texts]
        [['row 1', 'true 1: 0.20', 'predicted 0: 0.80'],
         ['row 2', 'true 1: 0.60', 'predicted 1: 0.60']]
    """
    _checks.integer("count", count)
    for name, data in (("x", x), ("y_true", y_true), ("y_pred", y_pred)):
        _checks.refuse_masked(name, data)
    images, true, probability = _read(x, y_true, y_pred)
    classes = [str(i) for i in range(probability.shape[1])]
    if labels is not None:
        classes = inputs.names_of_classes(labels, len(classes))
    if names is not None and len(names) != len(images):
        rule = f"name the {len(images)} rows"
        raise _checks.InvalidArgument("names", rule, names, got=f"{len(names)} names")
    of_true = probability[np.arange(len(true)), true]
    order = np.argsort(of_true, kind="stable")[:count]
    shown = shrunk(images[order], _MOST_PIXELS)
    low, high = shown.min(), shown.max()
    shown = (shown - low) / (high - low or 1.0)
    ax = given_or_current(ax)
    layout = _Layout.of(ax, len(order), *shown.shape[1:3])
    width = layout.tile[0] - _width("predicted : 0.00", layout.font)
    for i, (image, row) in enumerate(zip(shown, order, strict=True)):
        left, top, right, bottom = layout.image(i)
        ax.imshow(
            image,
            cmap="gray_r",
            vmin=0,
            vmax=1,
            extent=(left, right, bottom, top),
            interpolation="nearest",
        )
        predicted = int(probability[row].argmax())
        # A class has the same text in both lines.
        name_of = [
            _fitting(str(classes[number]), width, layout.font) for number in (true[row], predicted)
        ]
        lines = (
            f"row {row}" if names is None else str(names[row]),
            f"true {name_of[0]}: {of_true[row]:.2f}",
            f"predicted {name_of[1]}: {probability[row, predicted]:.2f}",
        )
        ax.text(
            (left + right) / 2,
            bottom + 1,
            "\n".join(_fitting(line, layout.tile[0], layout.font) for line in lines),
            ha="center",
            va="top",
            fontsize=layout.font,
            linespacing=_SPACING,
            parse_math=False,
        )
    ax.set_xlim(0, layout.columns * layout.tile[0])
    ax.set_ylim(math.ceil(len(order) / layout.columns) * layout.tile[1], 0)
    ax.set_title("smallest probability of the true class")
    ax.set_axis_off()
    return ax


@dataclasses.dataclass(frozen=True)
class _Layout:
    """Positions of images with their texts, in points of the Axes as large as it is now.

    Attributes:
        columns: Number of images side by side.
        size: Width and height of an image.
        tile: Width and height of an image with its text and the gap.
        font: Size of the text.
    """

    columns: int
    size: tuple[float, float]
    tile: tuple[float, float]
    font: float

    @classmethod
    def of(cls, ax: Any, count: int, height: int, width: int) -> "_Layout":
        """Returns the layout with the largest images of this shape that leaves room for text."""
        box = ax.get_window_extent()
        points = 72 / ax.get_figure(root=True).dpi
        layouts = []
        for columns in range(1, count + 1):
            tile = box.width * points / columns, box.height * points / math.ceil(count / columns)
            font = min(_FONT, tile[1] / 2 / (_LINES * _SPACING))
            room = tile[0] - _GAP, tile[1] - _LINES * _SPACING * font - _GAP
            scale = max(min(room[0] / width, room[1] / height), 0.1 / max(width, height))
            layouts.append(cls(columns, (scale * width, scale * height), tile, font))
        return max(layouts, key=lambda layout: (layout.tile[0] >= _LEAST_WIDTH, layout.size))

    def image(self, number: int) -> tuple[float, float, float, float]:
        """Returns left, top, right and bottom of an image."""
        left = number % self.columns * self.tile[0] + (self.tile[0] - self.size[0]) / 2
        top = number // self.columns * self.tile[1]
        return left, top, left + self.size[0], top + self.size[1]


def _fitting(text: str, width: float, font: float) -> str:
    """Returns both ends of a text, as much as is narrower than so many points."""
    room, shown, kept = width - _GAP, text, len(text)
    while kept > 1:
        wide = _width(shown, font)
        if wide <= room:
            break
        kept -= max(1, int(0.9 * kept * (1 - room / wide)))
        shown = both_ends(text, kept + 1)
    return shown


def _width(text: str, font: float) -> float:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    properties = FontProperties(size=font)
    return text_to_path.get_text_width_height_descent(text, properties, ismath=False)[0]


def _read(x: Any, y_true: Any, y_pred: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns images, classes, and probabilities as (rows, classes)."""
    images, true, predicted = np.asarray(x), np.asarray(y_true), np.asarray(y_pred)
    _checks.row_count([("x", images), ("y_true", true), ("y_pred", predicted)])
    images = images[..., 0] if images.ndim == 4 and images.shape[-1] == 1 else images
    if images.ndim != 3 and (images.ndim != 4 or images.shape[-1] != 3):
        rule = "hold images, as (rows, height, width), or with a last axis of 1 or 3"
        raise _checks.InvalidArgument("x", rule, images, got=f"shape {images.shape}")
    _checks.numbers_only("x", images)
    predicted = inputs.probabilities("y_pred", predicted)
    if predicted.ndim == 1:
        predicted = np.stack([1 - predicted, predicted], axis=1)
    return images, inputs.class_numbers("y_true", true, predicted.shape[1]), predicted
