"""Figure of images as the random layers of a model change them in training."""

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from kerasnn import _checks
from kerasnn._core.model import unchanged
from kerasnn._core.plotting import given_or_current

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@_checks.known_arguments
def augmentation(
    model: keras.Model, x: Any, *, images: int = 4, copies: int = 5, ax: "Axes | None" = None
) -> "Axes":
    """Draws images beside some copies of them, each as it might be trained on.

    Each row is an image: first as it is, then as the augmentation of the model changes it. They
    show whether an image still belongs to its class. The model and its random numbers stay as they
    are.

    Args:
        model: A sequential model that begins with random layers, as
            `models.cnn(augment=("flip", "rotate"))` builds it.
        x: Images, `(batch, height, width, channels)` with 1 or 3 channels, as the model takes them.
        images: Number of images, the first of x.
        copies: Number of changed copies of each.
        ax: Axes to draw on; None is pyplot's current one, or a new figure's if that has data.

    Returns:
        The Axes: one mosaic, with a blank pixel between images.

    Raises:
        InvalidArgument: If the model does not begin with random layers, if `x` holds no images for
            it, or if an argument breaks its rule.
        TypeError: If an argument is unknown.

    Example:
        >>> from kerasnn import models
        >>> model = models.cnn((8, 8, 1), task="binary", augment=("flip", "zoom"))
        >>> augmentation(model, np.random.default_rng(0).normal(size=(3, 8, 8, 1))).get_title()
        'copies of the first column: flip, zoom'
    """
    _checks.integer("images", images)
    _checks.integer("copies", copies)
    layers = _random_layers(model)
    given = _read(x, model)[:images]
    rows = np.repeat(given, copies, axis=0)
    with unchanged(model):
        changed = keras.ops.convert_to_tensor(rows)
        for layer in layers:
            changed = layer(changed, training=True)
    height, width, channels = given.shape[1:]
    changed = np.asarray(changed).reshape(len(given), copies, height, width, channels)
    cells = np.concatenate([given[:, None], changed], axis=1)
    low, high = cells.min(), cells.max()
    cells = (cells - low) / ((high - low) or 1.0)
    framed = np.pad(cells, ((0, 0), (0, 0), (0, 1), (0, 1), (0, 0)), constant_values=1.0)
    mosaic = framed.transpose(0, 2, 1, 3, 4).reshape(
        len(given) * (height + 1), (copies + 1) * (width + 1), channels
    )[:-1, :-1]
    ax = given_or_current(ax)
    shown = mosaic[..., 0] if channels == 1 else mosaic
    ax.imshow(shown, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    names = ", ".join(layer.name.removeprefix("augment_") for layer in layers)
    ax.set_title(f"{'copy' if copies == 1 else 'copies'} of the first column: {names}")
    ax.set_axis_off()
    return ax


def _random_layers(model: Any) -> list[Any]:
    """Returns the layers with random numbers and without weights that a model begins with."""
    found = []
    for layer in model.layers if isinstance(model, keras.Sequential) else ():
        # A seed is a variable that is no weight.
        if layer.weights or not layer.variables:
            break
        found.append(layer)
    if not found:
        raise _checks.InvalidArgument(
            "model",
            "be a sequential model that begins with random layers",
            model,
            "Build one with `models.cnn(..., augment=('flip', 'rotate'))`.",
            got=getattr(model, "name", repr(model)),
        )
    return found


def _read(x: Any, model: Any) -> np.ndarray:
    images, shape = np.asarray(x), tuple(model.input_shape)[1:]
    if images.ndim != 4 or images.shape[1:] != shape or not len(images) or shape[-1] not in (1, 3):
        rule = f"hold images of shape {shape} with 1 or 3 channels, as the model takes them"
        raise _checks.InvalidArgument("x", rule, images, got=f"shape {images.shape}")
    _checks.numbers_only("x", images)
    return images.astype("float32")
