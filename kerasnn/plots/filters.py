"""Figure of the kernels of a convolution."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from kerasnn import _checks
from kerasnn._core.display.svg import names_in_figures
from kerasnn._core.model import all_layers
from kerasnn._core.plotting import given_or_current
from kerasnn.data.split import Split

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_FILTERS = 64


@_checks.known_arguments
def filters(
    model: keras.Model,
    *,
    layer: str | None = None,
    features: Sequence[str] | Split | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draws the kernels of a convolution side by side, at most the first 64.

    For models with a convolution, as `models.cnn` and pretrained networks have. In a first layer
    one sees what a kernel responds to: an edge has a negative side and a positive one, a spot a
    centre of another sign. Kernels that look like noise have learned little. Deeper kernels read
    the outputs of other kernels, and their means seldom show anything.

    With three input channels, as in a first layer on RGB images, a kernel is drawn in colours,
    with 0 as grey. Other kernels are drawn as the mean over their input channels: blue is
    negative, white 0, red positive. All kernels share one scale. A kernel over time is drawn with
    its steps to the right and its input columns downwards, by their names where these are given.

    Args:
        model: A Keras model with a convolution over images or over time.
        layer: Name of the convolution; None uses the first.
        features: Names of the columns that a convolution over time reads, or the `data.Split` that
            has them.
        ax: Axes to draw on; None is pyplot's current one, or a new figure's if that has data.

    Returns:
        The Axes: one mosaic, with a blank pixel between kernels.

    Raises:
        InvalidArgument: If the model has no such convolution; if `ax` is no Axes.
        TypeError: If an argument is unknown.

    Example:
        >>> from kerasnn import models
        >>> model = models.cnn((8, 8, 1), outputs=10, task="multiclass", filters=(32,))
        >>> filters(model).get_title()
        'block1_conv1: 32 filters of 3x3'
    """
    found = _convolution(model, layer)
    kernels, name = np.asarray(found.kernel), found.name
    over_time = kernels.ndim == 3
    column_names = _names(features, kernels.shape[-2] if over_time else None)
    if over_time:
        kernels = kernels.transpose(1, 0, 2)[:, :, None]
    total, (height, width) = kernels.shape[-1], kernels.shape[:2]
    count = min(total, _MOST_FILTERS)
    in_colour = kernels.shape[2] == 3
    scale = float(np.abs(kernels).max()) or 1.0
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    pixels = (3,) if in_colour else ()
    mosaic = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1, *pixels), np.nan)
    for i in range(count):
        top, left = i // columns * (height + 1), i % columns * (width + 1)
        kernel = kernels[..., i]
        tile = kernel / (2 * scale) + 0.5 if in_colour else kernel.mean(axis=-1)
        mosaic[top : top + height, left : left + width] = tile
    ax = given_or_current(ax)
    if in_colour:
        ax.imshow(np.nan_to_num(mosaic, nan=1.0), interpolation="nearest")
    else:
        limit = float(np.nanmax(np.abs(mosaic))) or 1.0
        image = ax.imshow(mosaic, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
        ax.figure.colorbar(image, ax=ax, label="weight")
    shown = f"first {count} of {total}" if count < total else f"{total}"
    shape = f"{width} steps" if over_time else f"{height}x{width}"
    ax.set_title(f"{name}: {shown} filters of {shape}")
    if column_names is None:
        ax.set_axis_off()
        return ax
    ax.set_xticks([])
    ax.spines[:].set_visible(False)
    tops = range(0, rows * (height + 1), height + 1)
    places = [top + i for top in tops for i in range(height)]
    ax.set_yticks(places, rows * names_in_figures(column_names), fontsize="x-small")
    ax.tick_params(axis="y", length=0)
    return ax


def _convolution(model: Any, layer: str | None) -> Any:
    """Returns the convolution to draw."""
    if not isinstance(model, keras.Model):
        raise _checks.InvalidArgument("model", "be a Keras model", model)
    kinds = (keras.layers.Conv2D, keras.layers.Conv1D)
    convolutions = {found.name: found for found in all_layers(model) if isinstance(found, kinds)}
    if not convolutions:
        raise _checks.InvalidArgument(
            "model", "have a convolution, such as `models.cnn` builds", model.name
        )
    name = next(iter(convolutions)) if layer is None else layer
    _checks.one_of("layer", name, convolutions)
    if not convolutions[name].built:
        raise _checks.InvalidArgument("model", "be built, so that it has weights", model.name)
    return convolutions[name]


def _names(features: Any, columns: int | None) -> list[str] | None:
    """Returns the names of the columns that a convolution over time reads, or None."""
    names = features.features if isinstance(features, Split) else features
    if names is None:
        return None
    if columns is None:
        rule = "be left out for a convolution over images"
        raise _checks.InvalidArgument("features", rule, names)
    if isinstance(names, str) or len(names) != columns:
        got = f"{len(names)} names"
        rule = f"name the {columns} columns that the convolution reads"
        raise _checks.InvalidArgument("features", rule, names, got=got)
    return list(names)
