"""Figure of the distribution of layer outputs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from kerasnn import _checks
from kerasnn._core.plotting import COLOURS, given_or_current

if TYPE_CHECKING:
    from matplotlib.axes import Axes


# Height of a line, by the size of its text.
_SPACING = 1.25


@_checks.known_arguments
def activations(
    model: keras.Model,
    x: Any,
    *,
    layers: Sequence[str] | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draws the distribution of the outputs of each layer over rows and units.

    The box holds the middle half, its line is the median, the whiskers reach from the 1st to the
    99th percentile. Under the name is the fraction of outputs that are exactly zero: after a
    ReLU, those of inactive units.

    Args:
        model: A Sequential or functional Keras model; it runs in inference.
        x: Inputs, `(batch, ...)`.
        layers: Names of layers, in the order to draw; None draws all layers with weights or an
            activation, except the standardisation of inputs and targets.
        ax: Axes to draw on; None is pyplot's current one, or a new figure's if that has data.

    Returns:
        The Axes: layers from the first to the last against their outputs.

    Raises:
        InvalidArgument: If the model is not built or is no graph of layers, a layer is unknown,
            or `x` or `ax` is invalid.
        TypeError: If an argument is unknown.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, "relu", name="d")])
        >>> ax = activations(model, np.ones((4, 2)))
        >>> [label.get_text().split() for label in ax.get_xticklabels()]
        [['d', 'zero:', '...%']]
    """
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        raise _checks.InvalidArgument(
            "model",
            "be a built Sequential or functional Keras model",
            model,
            "Build a Sequential model with `keras.Input` as its first entry.",
        )
    chosen = _chosen(model, layers)
    inputs = model.inputs[0] if len(model.inputs) == 1 else model.inputs
    probe = keras.Model(inputs, [model.get_layer(name).output for name in chosen])
    if len(model.inputs) == 1 and (isinstance(x, (list, tuple)) or _checks.is_split(x)):
        # Keras would take a list for one array for each input.
        x = keras.ops.convert_to_tensor(_checks.as_array("x", x))
    outputs = keras.tree.flatten(probe(x, training=False))
    values = [np.asarray(output, dtype=np.float64).ravel() for output in outputs]
    ax = given_or_current(ax)
    # Points of a box, and the size of its text: of two lines, or of one where these do not fit.
    figure: Any = ax.get_figure(root=True)
    room = ax.get_window_extent().width * 72 / figure.dpi / len(chosen)
    font = float(ax.xaxis.label.get_fontsize())
    is_turned = len(chosen) > 4
    between = " " if is_turned and room < 2 * _SPACING * font else "\n"
    ax.boxplot(
        values,
        whis=(1, 99),
        showfliers=False,
        patch_artist=True,
        boxprops={"facecolor": COLOURS[5]},
        medianprops={"color": "black"},
        tick_labels=[
            f"{name}{between}zero: {(value == 0).mean():.0%}"
            for name, value in zip(chosen, values, strict=True)
        ],
    )
    if is_turned:
        ax.tick_params(axis="x", rotation=90, labelsize=min(font, room / _SPACING))
    ax.set_xlabel("layer, from input to output")
    ax.set_ylabel("output of a unit")
    return ax


def _chosen(model: Any, layers: Any) -> list[str]:
    if layers is None:
        drawn = [layer.name for layer in model.layers if _is_drawn(layer)]
        if not drawn:
            raise _checks.InvalidArgument(
                "model", "have a layer with weights or an activation", model.name
            )
        return drawn
    names = [layer.name for layer in model.layers]
    listed = [layers] if isinstance(layers, str) else list(layers)
    if not listed:
        raise _checks.InvalidArgument(
            "layers", "name at least one layer", layers, "None draws all."
        )
    for name in listed:
        _checks.one_of("layers", name, names)
    return listed


def _is_drawn(layer: keras.layers.Layer) -> bool:
    if layer.name in ("standardize", "target_units"):
        return False
    return bool(layer.trainable_weights) or "activation" in layer.get_config()
