"""Result of a diagnosis, as a table and as a figure."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasnn._core.display.blocks import Paragraph, Table
from kerasnn._core.display.rendering import for_notebook
from kerasnn._core.display.svg import names_in_figures
from kerasnn._core.plotting import COLOURS, figure_of_panels, line_look
from kerasnn.doctor.measure.measurements import LayerMeasurements, Measurements
from kerasnn.doctor.rules.finding import Finding

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANELS = (
    # attribute, title, logarithmic
    ("dead", "fraction of dead units", False),
    ("saturated", "fraction of saturated outputs", False),
    ("zeros", "fraction of zero weights", False),
    ("gradient", "gradient norm", True),
    ("update", "update / weights in a step", True),
)
_WHY_EMPTY = {"dead": "no layer with ReLU", "saturated": "no layer with sigmoid or tanh"}
_COLUMNS = tuple(attribute for attribute, *_ in _PANELS)
_HEADERS = ("dead units", "saturated outputs", "zero weights", "gradient norm", "update / weights")


@dataclasses.dataclass(frozen=True, repr=False)
class Diagnosis:
    """Measurements of a model and the faults found in them; prints as a table and the findings.

    Args:
        measurements: The measurements.
        findings: The faults, likely causes first.

    Example:
        >>> from kerasnn import data, doctor, models
        >>> xor = data.load("xor")
        >>> found = doctor.diagnose(models.perceptron(2), xor.x_train, xor.y_train)
        >>> [finding.name for finding in found.findings]
        ['perceptron on data that is not linearly separable']
    """

    measurements: Measurements
    findings: tuple[Finding, ...]

    def plot(self) -> "list[Axes]":
        """Draws the measurements by layer, with the findings above them; returns the panels."""
        return draw_measurements([self.measurements], self.findings)

    def _repr_html_(self) -> str:
        """Returns the findings and the measurements, for a notebook."""
        return for_notebook(
            "Diagnosis", [findings_block(self.findings), measurements_table(self.measurements)]
        )

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        """One line a layer, then one a finding."""
        layers = self.measurements.layers
        width = max([len("layer"), *(len(layer.name) for layer in layers)])
        head = "".join(f"{column:>11}" for column in _COLUMNS)
        lines = [f"{'layer':<{width}}{head}"]
        for layer in layers:
            cells = ("" if value != value else f"{value:.2g}" for value in _measures(layer))
            lines.append(f"{layer.name:<{width}}" + "".join(f"{cell:>11}" for cell in cells))
        lines += [str(finding) for finding in self.findings] or ["Nothing is wrong."]
        return "\n".join(line.rstrip() for line in lines)


def findings_block(findings: Sequence[Finding]) -> Table | Paragraph:
    """Returns findings as a table of a page, or a sentence that there are none."""
    if not findings:
        return Paragraph("The doctor has found nothing wrong with the trained network.")
    head = ("finding", "layer", "explanation", "hint")
    rows = [(each.name, each.layer, each.explanation, each.hint) for each in findings]
    return Table("Findings, likely causes first", head, rows, is_wide=True)


def measurements_table(measured: Measurements) -> Table:
    """Returns the measurements by layer as a table of a page."""
    head = ("layer", *_HEADERS)
    rows = [
        (layer.name, *(f"{v:.2g}" if v == v else "" for v in _measures(layer)))
        for layer in measured.layers
    ]
    return Table("Measurements by layer", head, rows, numeric=head[1:])


def draw_measurements(history: Sequence[Measurements], findings: Sequence[Finding]) -> "list[Axes]":
    """Draws one panel a measure with one line a layer, over the epochs; and one of skill scores.

    A single measurement is drawn over the layers.

    Args:
        history: Measurements, the newest last.
        findings: Shown above the panels.

    Returns:
        The panels, in pyplot's current figure if that was empty, or else in a new one.
    """
    figure = figure_of_panels(12, 7)
    panels = figure.subplots(2, 3)
    epochs = np.array([each.epoch for each in history])
    names = list(dict.fromkeys(layer.name for each in history for layer in each.layers))
    is_moment = len(history) == 1
    for ax, (attribute, title, logarithmic) in zip(panels.flat, _PANELS, strict=False):
        if is_moment:
            _points(ax, names, [_value(history[0], name, attribute) for name in names])
        else:
            for i, name in enumerate(names):
                values = [_value(each, name, attribute) for each in history]
                _line(ax, epochs, values, name, **line_look(i))
        if not ax.lines:
            _say(ax, _WHY_EMPTY.get(attribute, "not measured"))
        if logarithmic:
            # A measure of zeros has no logarithm.
            if any((np.asarray(line.get_ydata()) > 0).any() for line in ax.lines):
                ax.set_yscale("log")
        else:
            ax.set_ylim(-0.05, 1.05)
        ax.set_title(title)
    skill = panels.flat[-1]
    scores = {
        part: [score.skill_score if (score := getattr(each, part)) else np.nan for each in history]
        for part in ("train", "validation")
    }
    if is_moment:
        _points(skill, list(scores), [values[0] for values in scores.values()])
        for level in (0, 1):
            skill.axhline(level, color="black", linestyle=":", linewidth=0.8)
    else:
        for i, (part, values) in enumerate(scores.items()):
            _line(skill, epochs, values, part, color=COLOURS[i])
        if skill.lines:
            skill.legend()
        for ax in panels[-1]:
            ax.set_xlabel("epoch")
        # A layer may have a line in some panels only.
        handles = {line.get_label(): line for ax in panels.flat[:-1] for line in ax.lines}
        if shown := [handles[name] for name in names if name in handles]:
            figure.legend(handles=shown, loc="outside right upper", title="layer")
    skill.set_title("skill score: 0 for a constant, 1 perfect")
    figure.suptitle("\n".join(map(_heading, findings)) or "Nothing is wrong.")
    return list(panels.flat)


def _measures(layer: LayerMeasurements) -> list[float]:
    return [getattr(layer, column) for column in _COLUMNS]


def _value(measured: Measurements, name: str, attribute: str) -> float:
    found = (getattr(layer, attribute) for layer in measured.layers if layer.name == name)
    return next(found, np.nan)


def _line(ax: Any, epochs: np.ndarray, values: list[float], label: str, **look: Any) -> None:
    known = np.isfinite(values)
    if known.any():
        ax.plot(epochs[known], np.array(values)[known], marker="o", ms=4, label=label, **look)


def _points(ax: Any, names: list[str], values: list[float]) -> None:
    places = np.arange(len(names))
    _line(ax, places, values, "", linestyle="", color=COLOURS[0])
    ax.set_xticks(places, names_in_figures(names), rotation=90 if len(names) > 4 else 0)
    # The same place for a layer in each panel.
    ax.set_xlim(-0.5, len(names) - 0.5)


def _say(ax: Any, reason: str) -> None:
    ax.text(0.5, 0.5, reason, ha="center", va="center", transform=ax.transAxes)
    ax.set_xticks([])
    ax.set_yticks([])


def _heading(finding: Finding) -> str:
    where = f" in {finding.layer}" if finding.layer else ""
    return f"{finding.name}{where} ({finding.number:.2g})"
