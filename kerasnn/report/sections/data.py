"""Section of the data: rows, classes or targets, columns; and of what was left out or filled."""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from kerasnn._core.display import target_table
from kerasnn._core.display.blocks import Facts, Paragraph, Section, Table
from kerasnn.data._split_view import training_columns
from kerasnn.data.split import Split
from kerasnn.report.predicted_rows import PredictedRows
from kerasnn.report.sections import columns
from kerasnn.report.sections.columns import Column
from kerasnn.tasks._row_losses import targets_of


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
    table = columns.table(training_columns(split), descriptions)
    blocks: list[Any] = [
        Facts(facts),
        _targets(split, part, target_names),
        *([] if table is None else [table]),
    ]
    return Section("data", "Data", blocks)


def changes(
    split: Split,
    descriptions: Sequence[Column],
    dropped: Mapping[str, str],
    notes: Sequence[str],
) -> Section | None:
    """Returns the section of what was left out or filled; None where nothing was."""
    blocks: list[Any] = [Paragraph(note) for note in notes]
    if split.rows_left_out:
        blocks.append(Facts([("rows left out, for a missing value", f"{split.rows_left_out:,}")]))
    if dropped:
        rows = [(name, reason) for name, reason in dropped.items()]
        blocks.append(Table("Columns left out", ("column", "reason"), rows))
    filled = [(column.name, column.filled) for column in descriptions if column.filled]
    if filled:
        head = ("column", "in place of a missing value")
        blocks.append(Table("Missing values", head, filled))
    return Section("changes", "Left out and filled", blocks) if blocks else None


def _targets(split: Split, part: PredictedRows, names: Sequence[str]) -> Table:
    parts = [("test", part.y)]
    if split.y_train is not None:
        parts.insert(0, ("training", targets_of(split.task, split.y_train)))
    if split.task.is_classification:
        return target_table.classes(part.classes, parts)
    return target_table.numbers(names, parts)
