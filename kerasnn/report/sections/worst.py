"""Section of the test rows or images with the largest losses."""

from collections.abc import Mapping, Sequence

import numpy as np

from kerasnn._core.display.blocks import Images, Paragraph, Section, Table, shown, texts_of
from kerasnn._core.display.thumbnails import thumbnails
from kerasnn.data.split import Split
from kerasnn.report.predicted_rows import PredictedRows
from kerasnn.report.sections.importance import Importance
from kerasnn.tasks import Task

_MOST_COLUMNS = 10
# Rows and past steps.
_WINDOW_AXES = 2


def worst(
    split: Split,
    part: PredictedRows,
    names: Sequence[str] | None,
    output_names: Sequence[str],
    importances: Sequence[Importance],
    count_from: str,
) -> Section | None:
    """Returns the section; None where no rows were asked for.

    Args:
        split: The data.
        part: The test part.
        names: Names of its rows.
        output_names: Names of the outputs, for numbers.
        importances: Tell which columns to show where there are many.
        count_from: Sentence that says what the numbers in `names` count; may be empty.
    """
    if not len(part.worst):
        return None
    rows = [str(i) if names is None else str(names[int(i)]) for i in part.worst]
    head, cells = _predictions(part, output_names)
    if part.worst_x.ndim == 4 and part.worst_x.shape[-1] in (1, 3):
        images = [
            (data, f"test image {name}", (name, *texts))
            for data, name, texts in zip(
                thumbnails(part.worst_x), rows, _in_words(head, cells), strict=True
            )
        ]
        text = f"The test images with the largest losses, the largest first. {count_from}".strip()
        return Section("worst", "Worst images", [Paragraph(text), Images(images)])
    columns = _columns(split, part)
    chosen = list(columns)
    text = count_from
    if any(values.ndim == _WINDOW_AXES for values in (split.raw_test or {}).values()):
        text += " Each row is the one predicted; the columns show the step before it, the last one "
        text += "that the network saw."
    if len(chosen) > _MOST_COLUMNS:
        order = [each.name for each in importances if each.name in columns] or chosen
        chosen = order[:_MOST_COLUMNS]
        which = "most important" if importances else "first"
        text += f" Shown are the {len(chosen)} {which} of {len(columns)} columns."
    shown_columns = [texts_of(columns[name]) for name in chosen]
    lines = [
        (row, *predicted, *(texts[i] for texts in shown_columns))
        for i, (row, predicted) in enumerate(zip(rows, cells, strict=True))
    ]
    numeric = [name for name in chosen if columns[name].dtype.kind in "biuf"]
    # A column may have the name of one of the predictions.
    head = [f"{name} of the model" if name in chosen else name for name in head]
    numeric += [name for name in head if name not in ("true", "predicted")]
    if not part.task.is_classification:
        numeric += head
    table = Table(
        "Largest losses first", ("row", *head, *chosen), lines, numeric=numeric, is_wide=True
    )
    return Section("worst", "Worst rows", [*([Paragraph(text.strip())] if text else []), table])


def _predictions(
    part: PredictedRows, names: Sequence[str]
) -> tuple[list[str], list[tuple[str, ...]]]:
    """Returns headers, and cells of each of the worst rows."""
    y, predicted, predictions = (
        array[part.worst] for array in (part.y, part.predicted, part.predictions)
    )
    if part.task is Task.MULTILABEL:
        labels = np.array(part.classes, dtype=object)
        texts = [
            tuple(", ".join(labels[row == 1]) or "none" for row in pair)
            for pair in zip(y, predicted, strict=True)
        ]
        losses = [shown(loss) for loss in part.losses[part.worst]]
        return ["true", "predicted", "log loss"], [
            (*text, loss) for text, loss in zip(texts, losses, strict=True)
        ]
    if part.task.is_classification:
        of_true = (
            predictions[np.arange(len(y)), y]
            if part.task is Task.MULTICLASS
            else np.where(y == 1, predictions, 1 - predictions)
        )
        return ["true", "predicted", "probability of the true class"], [
            (part.classes[a], part.classes[b], f"{p:.3f}")
            for a, b, p in zip(y, predicted, of_true, strict=True)
        ]
    head = [
        f"{what} {name}" if len(names) > 1 else what
        for name in names
        for what in ("true", "predicted", "difference")
    ]
    columns = [column for a, b in zip(y.T, predictions.T, strict=True) for column in (a, b, a - b)]
    return head, list(zip(*map(texts_of, columns), strict=True))


def _in_words(head: Sequence[str], cells: Sequence[Sequence[str]]) -> list[list[str]]:
    return [[f"{name}: {text}" for name, text in zip(head, each, strict=True)] for each in cells]


def _columns(split: Split, part: PredictedRows) -> Mapping[str, np.ndarray]:
    """Returns the worst rows by column: raw ones, or else those of a table x."""
    if split.raw_test is not None:
        raw = {name: values[part.worst] for name, values in split.raw_test.items()}
        return {name: v[:, -1] if v.ndim == 2 else v for name, v in raw.items()}
    if part.worst_x.ndim != 2:
        return {}
    names = split.features or [f"column {i}" for i in range(part.worst_x.shape[1])]
    return dict(zip(names, part.worst_x.T, strict=True))
