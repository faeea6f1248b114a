"""Figure of the gradient norm by layer."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasnn import _checks
from kerasnn._core.plotting import COLOURS, MARKS, given_or_current

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@_checks.known_arguments
def gradients(
    norms: Mapping[str, float] | Mapping[str, Mapping[str, float]], *, ax: "Axes | None" = None
) -> "Axes":
    """Draws the norm of the gradient by layer, on a logarithmic axis.

    `autodiff.gradients` computes the norms, on rows of any compiled model. In a healthy network
    they are of one order of magnitude from layer to layer. A line that rises
    from the first layer to the last, by a factor of 1,000 or more, shows a vanishing gradient: the
    first layers hardly learn. One that falls so shows an exploding gradient: try a lower learning
    rate or `clipnorm`. A norm of 0, as of a layer whose units are all dead, is not drawn.

    Args:
        norms: The result of `autodiff.gradients`, layer -> norm; or a dictionary of several
            results by label, to compare them.
        ax: Axes to draw on; None is pyplot's current one, or a new figure's if that has data.

    Returns:
        The Axes: the norm against the layers, from the first to the last.

    Raises:
        InvalidArgument: If `norms` holds no norms, or negative ones; if `ax` is no Axes.
        TypeError: If an argument is unknown.

    Example:
        >>> import numpy as np
        >>> from kerasnn import autodiff, models
        >>> x, y = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([0, 1])
        >>> model = models.mlp(2, task="binary", hidden=(8, 8))
        >>> ax = gradients(autodiff.gradients(model, x, y))
        >>> ax.get_yscale()
        'log'
    """
    named = _read(norms)
    ax = given_or_current(ax)
    for i, (name, layers) in enumerate(named.items()):
        values = [norm if norm > 0 else math.nan for norm in layers.values()]
        ax.plot(
            range(len(values)),
            values,
            color=COLOURS[i % len(COLOURS)],
            marker=MARKS[i % len(MARKS)],
            label=name,
        )
    longest = max(named.values(), key=len)
    ax.set_yscale("log")
    ax.set_xticks(range(len(longest)), list(longest), rotation=90 if len(longest) > 4 else 0)
    ax.set_xlabel("layer, from input to output")
    ax.set_ylabel("norm of the gradient")
    if len(named) > 1:
        ax.legend()
    return ax


def _read(norms: Any) -> dict[str, Mapping[str, float]]:
    hint = "Use the result of `autodiff.gradients(model, x, y)`, or a dict of several by label."
    if not isinstance(norms, Mapping) or not norms:
        raise _checks.InvalidArgument("norms", "be a dict of layer -> norm", norms, hint)
    several = all(isinstance(value, Mapping) and value for value in norms.values())
    named = dict(norms) if several else {"": norms}
    for layers in named.values():
        for layer, norm in layers.items():
            if not isinstance(norm, (int, float, np.number)) or not float(norm) >= 0:
                raise _checks.InvalidArgument(
                    "norms",
                    "hold one number of at least 0 for each layer",
                    norm,
                    hint,
                    got=f"{norm!r} for {layer!r}",
                )
    return named
