"""Figure of training and validation curves."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from kerasnn import _checks
from kerasnn._core.plotting import COLOURS, given_or_current, visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@_checks.known_arguments
def history(
    history: keras.callbacks.History | Mapping[str, Sequence[float]],
    *,
    metrics: str | Sequence[str] | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draws training (solid) and validation (dashed) curves against the epoch.

    The epoch of the lowest validation loss is marked, whichever metrics are drawn. Without
    validation no epoch is marked.

    Args:
        history: The result of `fit`, or its `history`: metric -> one value per epoch. NaN means
            no value. A metric with a value for each class cannot be drawn.
        metrics: Name or names to draw, without `val_`; None draws the loss. Several metrics share
            the vertical axis.
        ax: Axes to draw on; None is pyplot's current one, or a new figure's if that has data.

    Returns:
        The Axes: epochs counted from 1, as in the progress bar, against the metric. Of a pack for
        regression the axis says that the losses are of scaled targets.

    Raises:
        InvalidArgument: If `history` is neither, has no epoch, or lacks a metric or some of its
            values; if `ax` is no Axes.
        TypeError: If an argument is unknown.

    Example:
        >>> ax = history({"loss": [0.9, 0.4, 0.2], "val_loss": [0.8, 0.5, 0.6]})
        >>> [line.get_label() for line in ax.lines]
        ['training loss', 'validation loss', 'lowest validation loss: epoch 2']
        >>> ax.figure.savefig("curve.png")  # doctest: +SKIP
    """
    from matplotlib.ticker import MaxNLocator

    epochs, curves = _read(history)
    names = _names(metrics, curves)
    ax = given_or_current(ax)
    for i, name in enumerate(names):
        for j, (key, part, style) in enumerate(
            ((name, "training", "-"), (f"val_{name}", "validation", "--"))
        ):
            if key in curves:
                known = np.flatnonzero(~np.isnan(curves[key]))
                known = known[visible(curves[key][known])]
                ax.plot(
                    epochs[known],
                    curves[key][known],
                    # The number of colours is odd: repeated colours have the other style.
                    color=COLOURS[(2 * i + j) % len(COLOURS)],
                    linestyle=style,
                    # A line through a single point is invisible.
                    marker="o" if len(known) == 1 else "",
                    label=f"{part} {_words(name)}",
                )
    validation = curves.get("val_loss", np.array(np.nan))
    if not np.isnan(validation).all():
        best = epochs[np.nanargmin(validation)]
        label = f"lowest validation loss: epoch {best}"
        ax.axvline(best, color="black", linestyle=":", linewidth=1, label=label)
    ax.set_xlabel("epoch")
    # On the frame, the mark of the first or last epoch would be invisible.
    ax.margins(x=0.02)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_ylabel(", ".join(map(_words, names)) + _targets(history))
    _legend(ax, len(names))
    return ax


def _legend(ax: Any, metrics: int) -> None:
    """Adds the legend; curves of several metrics leave no room, so that it has its own above."""
    if metrics == 1:
        ax.legend(loc="best")
        return
    legend = ax.legend(loc="upper right")
    fraction = legend.get_window_extent().height / ax.get_window_extent().height
    low, high = ax.get_ylim()
    # Unlike `set_ylim`, this leaves the axis free to include what is drawn later.
    ax.update_datalim([(ax.dataLim.x0, low + (high - low) / (1 - min(fraction, 0.5)))])
    ax.autoscale_view()


def _read(history: Any) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    table = history.history if isinstance(history, keras.callbacks.History) else history
    if not isinstance(table, Mapping):
        rule = "be the result of `fit`, or its `history` dict"
        raise _checks.InvalidArgument("history", rule, history, got=type(history).__name__)
    curves = {name: _curve(values) for name, values in table.items()}
    count = max(map(len, curves.values()), default=0)
    if count == 0:
        hint = "Draw it after `fit` has run."
        raise _checks.InvalidArgument("history", "hold at least one epoch", 0, hint, got="none")
    for name, curve in curves.items():
        if len(curve) != count:
            raise _checks.InvalidArgument(
                "history",
                "hold one value per epoch",
                curve,
                "For epochs without validation use NaN.",
                got=f"shape {curve.shape} of {name!r} for {count} epochs",
            )
    if isinstance(history, keras.callbacks.History) and len(history.epoch) == count:
        return np.array(history.epoch) + 1, curves
    return np.arange(1, count + 1), curves


def _targets(history: Any) -> str:
    """Returns which targets the values are of, where they are not those that `fit` received."""
    params = history.params if isinstance(history, keras.callbacks.History) else None
    targets = (params or {}).get("targets")
    return f" of targets {targets}" if targets else ""


def _names(metrics: Any, curves: Mapping[str, Any]) -> list[str]:
    known = [name for name in curves if not name.startswith("val_")]
    names = ["loss" if metrics is None else metrics] if not _is_several(metrics) else list(metrics)
    if not names:
        raise _checks.InvalidArgument(
            "metrics", "name at least one metric", metrics, "None draws the loss."
        )
    for name in names:
        _checks.one_of("metrics", name, known)
        if curves[name].ndim > 1:
            count = curves[name][0].size
            raise _checks.InvalidArgument(
                "metrics",
                "name metrics with one number per epoch",
                name,
                'Average over the classes, as in `keras.metrics.F1Score(average="macro")`.',
                got=f"`{name}` with {count} numbers, one for each class",
            )
    return names


def _curve(values: Any) -> np.ndarray:
    """Returns one number per epoch, or an array per epoch for values with several entries."""
    curve = np.atleast_1d(np.asarray(values, dtype=float))
    return curve.reshape(-1) if curve.size == len(curve) else curve


def _is_several(metrics: Any) -> bool:
    return isinstance(metrics, Sequence) and not isinstance(metrics, str)


def _words(name: str) -> str:
    return name.replace("_", " ")
