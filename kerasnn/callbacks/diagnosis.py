"""What `diagnose` returns."""

import dataclasses
from typing import TYPE_CHECKING

from kerasnn.callbacks.draw_vitals import draw_vitals
from kerasnn.callbacks.finding import Finding
from kerasnn.callbacks.vitals import Vitals

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMNS = ("dead", "saturated", "zeros", "gradient", "update")


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    """A model's vitals and what is wrong with it; prints as a table and the findings.

    Args:
        vitals: What was measured.
        findings: What is wrong, the likely causes first.
    """

    vitals: Vitals
    findings: tuple[Finding, ...]

    def plot(self) -> "Figure":
        """Draws the vitals by layer; the findings stand above."""
        return draw_vitals([self.vitals], self.findings)

    def __str__(self) -> str:
        """One line a layer, then one a finding."""
        width = max([len("layer"), *(len(layer.name) for layer in self.vitals.layers)])
        head = "".join(f"{column:>11}" for column in _COLUMNS)
        lines = [f"{'layer':<{width}}{head}"]
        for layer in self.vitals.layers:
            values = (getattr(layer, column) for column in _COLUMNS)
            cells = ("" if value != value else f"{value:.2g}" for value in values)
            lines.append(f"{layer.name:<{width}}" + "".join(f"{cell:>11}" for cell in cells))
        lines += [str(finding) for finding in self.findings] or ["Nothing is wrong."]
        return "\n".join(line.rstrip() for line in lines)
