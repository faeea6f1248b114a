"""Section of the results for regression and counts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn import metrics

from kerasnn._core.display.blocks import Figure, Section, Table, shown
from kerasnn._core.display.svg import figure
from kerasnn._core.plotting import COLOURS
from kerasnn.report.predicted_rows import PredictedRows
from kerasnn.report.sections.metrics import Metric
from kerasnn.report.sections.metrics import table as metrics_table

_MOST_OUTPUTS = 3
# More points make a file large, and are drawn as one picture.
_MOST_VECTOR_POINTS = 300


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
        shown_rows = part.sample
        blocks += [
            _against_true(of, y[shown_rows], predictions[shown_rows]),
            _residuals(of, y[shown_rows], predictions[shown_rows]),
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


def _against_true(of: str, y: np.ndarray, predictions: np.ndarray) -> Figure:
    def draw(ax: Any) -> None:
        _points(ax, y, predictions)
        ends = [min(y.min(), predictions.min()), max(y.max(), predictions.max())]
        ax.plot(ends, ends, color="black", linestyle=":", linewidth=0.8)
        ax.set_xlabel("true")
        ax.set_ylabel("predicted")

    return figure(f"Predicted against true{of}", "On the dotted line both are equal.", draw)


def _residuals(of: str, y: np.ndarray, predictions: np.ndarray) -> Figure:
    def draw(ax: Any) -> None:
        _points(ax, predictions, y - predictions)
        ax.axhline(0, color="black", linestyle=":", linewidth=0.8)
        ax.set_xlabel("predicted")
        ax.set_ylabel("true - predicted")

    text = "Residuals of a good model scatter evenly about zero."
    return figure(f"Residuals against predictions{of}", text, draw)


def _histogram(of: str, residuals: np.ndarray) -> Figure:
    def draw(ax: Any) -> None:
        ax.hist(residuals, bins=30, color=COLOURS[0], alpha=0.85)
        ax.axvline(0, color="black", linestyle=":", linewidth=0.8)
        ax.set_xlabel("true - predicted")
        ax.set_ylabel("rows")

    text = f"Mean {shown(residuals.mean())}, standard deviation {shown(residuals.std())}."
    return figure(f"Residuals{of}", text, draw)


def _points(ax: Any, x: np.ndarray, y: np.ndarray) -> None:
    few = len(x) <= _MOST_VECTOR_POINTS
    look = {"ms": 3.5, "alpha": 0.6} if few else {"ms": 2.5, "alpha": 0.35}
    ax.plot(x, y, "o", color=COLOURS[0], markeredgewidth=0, rasterized=not few, **look)
