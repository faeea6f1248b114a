"""Section of the results for regression and counts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn import metrics

from kerasnn import plots
from kerasnn._core.display.blocks import Figure, Section, Table, shown
from kerasnn._core.display.svg import figure
from kerasnn._core.plotting import COLOURS
from kerasnn.report.predicted_rows import PredictedRows
from kerasnn.report.sections.metrics import Metric
from kerasnn.report.sections.metrics import table as metrics_table

_MOST_OUTPUTS = 3


def results(part: PredictedRows, found: list[Metric], names: Sequence[str]) -> Section:
    """Returns the section: metrics, predicted against true, residuals.

    Args:
        part: The test part.
        found: Its metrics.
        names: Names of the outputs.
    """
    blocks: list[Any] = [metrics_table(found, part.rows)]
    if len(names) > 1:
        blocks.append(_by_output(part, names))
    for i, name in enumerate(names[:_MOST_OUTPUTS]):
        of = f" of {name}" if len(names) > 1 else ""
        y, predictions = part.y[:, i], part.predictions[:, i]
        blocks += [
            figure(
                f"Predicted against true{of}",
                "On the dotted line both are equal.",
                lambda ax, y=y, p=predictions: plots.prediction_error(y, p, ax=ax),
            ),
            figure(
                f"Residuals against predictions{of}",
                "Residuals of a good model scatter evenly about zero.",
                lambda ax, y=y, p=predictions: plots.residuals(y, p, ax=ax),
            ),
            _histogram(of, y - predictions),
        ]
    return Section("results", "Results on the test part", blocks)


def _by_output(part: PredictedRows, names: Sequence[str]) -> Table:
    head = ("output", "R2", "MAE", "RMSE")
    rows = [
        (
            name,
            shown(metrics.r2_score(y, p)),
            shown(metrics.mean_absolute_error(y, p)),
            shown(metrics.root_mean_squared_error(y, p)),
        )
        for name, y, p in zip(names, part.y.T, part.predictions.T, strict=True)
    ]
    return Table("By output", head, rows, numeric=head[1:])


def _histogram(of: str, residuals: np.ndarray) -> Figure:
    def draw(ax: Any) -> None:
        ax.hist(residuals, bins=30, color=COLOURS[0], alpha=0.85)
        ax.axvline(0, color="black", linestyle=":", linewidth=0.8)
        ax.set_xlabel("true - predicted")
        ax.set_ylabel("rows")

    text = f"Mean {shown(residuals.mean())}, standard deviation {shown(residuals.std())}."
    return figure(f"Residuals{of}", text, draw)
