"""Section of the results for classes and labels."""

from typing import Any

import numpy as np
from sklearn import metrics

from kerasnn import plots
from kerasnn._core.display.blocks import Figure, Paragraph, Section, Table
from kerasnn._core.display.svg import figure, names_in_figures
from kerasnn.report.predicted_rows import PredictedRows
from kerasnn.report.sections.metrics import Metric
from kerasnn.report.sections.metrics import table as metrics_table
from kerasnn.tasks import Task

_MOST_CURVES = 7
_MOST_CLASSES = 50
# With more classes cells are too small for a number.
_MOST_CELLS = 20


def results(part: PredictedRows, found: list[Metric]) -> Section:
    """Returns the section: metrics, confusion, classes, curves, reliability."""
    pairs = part.one_against_rest()
    blocks: list[Any] = [metrics_table(found, part.rows)]
    if part.task is not Task.MULTILABEL:
        blocks.append(_confusion(part))
    blocks.append(_by_class(part))
    if pairs:
        areas = {name: metrics.roc_auc_score(y, p) for name, y, p in pairs}
        precisions = {name: metrics.average_precision_score(y, p) for name, y, p in pairs}
        blocks += [
            _curves(part, "ROC curve", "area under the curve", areas, plots.roc),
            _curves(
                part,
                "Precision and recall",
                "average precision",
                precisions,
                plots.precision_recall,
            ),
        ]
    blocks.append(_reliability(part))
    if part.task is not Task.BINARY:
        kind = "label" if part.task is Task.MULTILABEL else "class"
        text = f"Curves and areas are of each {kind} against the rest."
        if len(pairs) > _MOST_CURVES:
            text += f" Drawn are the {_MOST_CURVES} with the smallest areas."
        blocks.append(Paragraph(text))
    return Section("results", "Results on the test part", blocks)


def _confusion(part: PredictedRows) -> Figure:
    names = names_in_figures(part.classes)

    def draw(ax: Any) -> None:
        from matplotlib.colors import LinearSegmentedColormap

        plots.confusion(part.y, part.predicted, labels=names, ax=ax)
        [image] = ax.images
        # Fades into the page, whichever colour that has.
        fading = [(0.0, 0.447, 0.698, 0.0), (0.0, 0.447, 0.698, 1.0)]
        image.set_cmap(LinearSegmentedColormap.from_list("fading", fading))
        image.set_interpolation("none")
        for text in ax.texts:
            column, row = text.get_position()
            cell = image.get_array()[int(row), int(column)]
            text.set_color("white" if cell > 0.5 * image.get_array().max() else "black")
        ax.spines[:].set_visible(False)

    right = int((part.predicted == part.y).sum())
    text = f"Of {part.rows:,} rows {right:,} are on the diagonal."
    height = min(4.6, 2.4 + 0.16 * len(names))
    return figure("Confusion: number of rows", text, draw, height=height)


def _by_class(part: PredictedRows) -> Table:
    is_multilabel = part.task is Task.MULTILABEL
    zero: Any = 0
    measured: Any = metrics.precision_recall_fscore_support(
        part.y, part.predicted, labels=range(len(part.classes)), zero_division=zero
    )
    precision, recall, f1, rows = measured
    # A class that is never predicted has no precision, and one without rows no recall.
    counts = (
        part.predicted.sum(axis=0)
        if is_multilabel
        else np.bincount(part.predicted, minlength=len(part.classes))
    )
    precision = np.where(counts > 0, precision, np.nan)
    recall = np.where(np.asarray(rows) > 0, recall, np.nan)
    areas = {name: metrics.roc_auc_score(y, p) for name, y, p in part.one_against_rest()}
    head = ("label" if is_multilabel else "class", "rows", "precision", "recall", "F1", "ROC AUC")
    lines = [
        (
            name,
            f"{int(rows[i]):,}",
            *(f"{value:.3f}" if value == value else "" for value in (precision[i], recall[i])),
            f"{f1[i]:.3f}",
            f"{areas[name]:.3f}" if name in areas else "",
        )
        for i, name in enumerate(part.classes[:_MOST_CLASSES])
    ]
    if part.task is Task.BINARY:
        # The area is the same for both classes.
        head, lines = head[:-1], [line[:-1] for line in lines]
    caption = "By label" if is_multilabel else "By class"
    if len(part.classes) > len(lines):
        caption += f": the first {len(lines)} of {len(part.classes)}"
    return Table(caption, head, lines, numeric=head[1:])


def _curves(part: PredictedRows, title: str, area: str, areas: dict[str, float], draw: Any) -> Any:
    """Returns the figure of the curves that `draw` draws, of which there are the smallest areas."""
    drawn = sorted(areas, key=lambda name: areas[name])[:_MOST_CURVES]
    text = f"{area}: " + ", ".join(f"{n} {areas[n]:.3f}" for n in areas if n in drawn)
    if part.task is Task.BINARY:
        title += f" of class {part.classes[1]}"
    names = names_in_figures(part.classes)
    return figure(title, text, lambda ax: draw(part.y, part.predictions, labels=names, ax=ax))


def _reliability(part: PredictedRows) -> Figure:
    y, p = part.y, part.predictions
    if part.task is Task.MULTILABEL:
        y, p = y.ravel(), p.ravel()

    def draw(ax: Any) -> None:
        plots.reliability(y, p, labels=part.classes if part.task is Task.BINARY else None, ax=ax)

    text = "On the dotted line, predicted probabilities are the observed fractions."
    return figure("Reliability of the probabilities", text, draw)
