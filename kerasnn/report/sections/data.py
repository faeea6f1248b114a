"""Section of the data: rows, classes or targets, columns; and of what was left out or filled."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from kerasnn.data.split import Split
from kerasnn.report.blocks import Facts, Paragraph, Section, Table, percent, shown
from kerasnn.report.predicted_rows import PredictedRows, targets_of
from kerasnn.report.sections import columns
from kerasnn.report.sections.columns import Column
from kerasnn.tasks import Task

_MOST_CLASSES = 50


def data(
    split: Split, part: PredictedRows, target_names: Sequence[str], descriptions: Sequence[Column]
) -> Section:
    """Returns the section of rows, classes or targets, and columns."""
    is_stream = isinstance(split.x_train, tf.data.Dataset)
    rows = f"{len(split.x_train):,} batches" if is_stream else f"{len(split.y_train):,} rows"
    tested = f"{part.rows:,} rows" if part.is_complete else f"the first {part.rows:,} rows"
    sizes = split.input_shape
    shape = f"{sizes[0]} numbers" if len(sizes) == 1 else " x ".join(map(str, sizes))
    facts = [("training part", rows), ("test part", tested), ("input of the network", shape)]
    table = columns.table(columns.by_name(split), descriptions)
    blocks: list[Any] = [
        Facts(facts),
        _targets(split, part, target_names),
        *([] if table is None else [table]),
    ]
    return Section("data", "Data", blocks)


def changes(
    descriptions: Sequence[Column], dropped: Mapping[str, str], notes: Sequence[str]
) -> Section | None:
    """Returns the section of what was left out or filled; None where nothing was."""
    blocks: list[Any] = [Paragraph(note) for note in notes]
    if dropped:
        rows = [(name, reason) for name, reason in dropped.items()]
        blocks.append(Table("Columns left out", ("column", "reason"), rows))
    filled = [(column.name, column.filled) for column in descriptions if column.filled]
    if filled:
        head = ("column", "in place of a missing value")
        blocks.append(Table("Missing values", head, filled))
    return Section("changes", "Left out and filled", blocks) if blocks else None


def _targets(split: Split, part: PredictedRows, names: Sequence[str]) -> Table:
    train = None if split.y_train is None else targets_of(split.task, split.y_train)
    if split.task.is_classification:
        return _classes(train, part)
    head = ("target", "part", "mean", "deviation", "smallest", "median", "largest")
    rows = []
    for i, name in enumerate(names):
        for title, y in (("training", train), ("test", part.y)):
            if y is not None:
                column = y[:, i]
                numbers = (
                    column.mean(),
                    column.std(),
                    column.min(),
                    np.median(column),
                    column.max(),
                )
                rows.append((name, title, *map(shown, numbers)))
    return Table("Targets", head, rows, numeric=head[2:])


def _classes(train: np.ndarray | None, part: PredictedRows) -> Table:
    is_multilabel = part.task is Task.MULTILABEL

    def counts(y: np.ndarray) -> np.ndarray:
        return y.sum(axis=0) if is_multilabel else np.bincount(y, minlength=len(part.classes))

    parts = [("training", train), ("test", part.y)]
    columns_ = [(name, counts(y), len(y)) for name, y in parts if y is not None]
    rows = [
        (
            name,
            *(
                text
                for _, count, total in columns_
                for text in (f"{count[i]:,}", percent(count[i] / total))
            ),
        )
        for i, name in enumerate(part.classes[:_MOST_CLASSES])
    ]
    numeric = [text for name, *_ in columns_ for text in (f"{name} rows", f"% of {name}")]
    kind = "Labels" if is_multilabel else "Classes"
    if len(part.classes) > len(rows):
        kind += f": the first {len(rows)} of {len(part.classes)}"
    return Table(kind, ("label" if is_multilabel else "class", *numeric), rows, numeric=numeric)
