"""Figures of what a doctor measured."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasnn._axes import COLOURS, line_look
from kerasnn.callbacks.finding import Finding
from kerasnn.callbacks.vitals import Vitals

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PANELS = (
    # attribute, title, logarithmic
    ("dead", "share of dead units", False),
    ("saturated", "share of saturated outputs", False),
    ("zeros", "share of zero weights", False),
    ("gradient", "gradient norm", True),
    ("update", "update / weights in a step", True),
)


def draw_vitals(looks: Sequence[Vitals], findings: Sequence[Finding]) -> "Figure":
    """Draws one panel a measure and one line a layer, against the epoch; and one of skill.

    Args:
        looks: Vitals, the newest last.
        findings: What stands above the panels.

    Returns:
        The figure, which pyplot does not know.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 7), layout="constrained")
    panels = figure.subplots(2, 3)
    epochs = np.array([look.epoch for look in looks])
    names = list(dict.fromkeys(layer.name for look in looks for layer in look.layers))
    for ax, (attribute, title, logarithmic) in zip(panels.flat, _PANELS, strict=False):
        for i, name in enumerate(names):
            values = [_value(look, name, attribute) for look in looks]
            _line(ax, epochs, values, name, **line_look(i))
        if logarithmic:
            ax.set_yscale("log")
        else:
            ax.set_ylim(-0.05, 1.05)
        ax.set_title(title)
    skill = panels.flat[-1]
    for part, colour in (("train", COLOURS[0]), ("validation", COLOURS[1])):
        scores = [getattr(look, part) for look in looks]
        values = [score.skill if score else np.nan for score in scores]
        _line(skill, epochs, values, part, color=colour)
    skill.set_title("skill: 0 a constant, 1 perfect")
    if skill.lines:
        skill.legend()
    for ax in panels[-1]:
        ax.set_xlabel("epoch")
    # A layer may have a line in some panels only.
    handles = {line.get_label(): line for ax in panels.flat[:-1] for line in ax.lines}
    if handles:
        shown = [handles[name] for name in names if name in handles]
        figure.legend(handles=shown, loc="outside right upper", title="layer")
    figure.suptitle("\n".join(map(_heading, findings)) or "Nothing is wrong.")
    return figure


def _value(look: Vitals, name: str, attribute: str) -> float:
    found = (getattr(layer, attribute) for layer in look.layers if layer.name == name)
    return next(found, np.nan)


def _line(ax: Any, epochs: np.ndarray, values: list[float], label: str, **look: Any) -> None:
    known = np.isfinite(values)
    if known.any():
        ax.plot(epochs[known], np.array(values)[known], marker="o", ms=4, label=label, **look)


def _heading(finding: Finding) -> str:
    where = f" in {finding.layer}" if finding.layer else ""
    return f"{finding.name}{where} ({finding.number:.2g})"
