"""Tables, images and figures of a `Split` for a notebook."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasnn._core.display import column_table, svg, target_table
from kerasnn._core.display.blocks import Figure, Images, Table, texts_of
from kerasnn._core.display.thumbnails import thumbnails
from kerasnn._core.plotting import line_look
from kerasnn.tasks import Task

if TYPE_CHECKING:
    from kerasnn.data.split import Split

# Statistics of so many rows and columns at most, and the first rows or images.
_MOST_ROWS = 10_000
_MOST_COLUMNS = 50
_ROWS_SHOWN, _COLUMNS_SHOWN, _IMAGES_SHOWN = 5, 10, 12
_PIXELS = 64
# As many as there are looks of lines.
_LINES = 7


def blocks(split: "Split") -> list[Table | Images | Figure | None]:
    """Returns targets, columns and the first training rows of a split in memory."""
    return [_targets(split), _columns(split), _first_rows(split)]


def training_columns(split: "Split") -> Mapping[str, np.ndarray]:
    """Returns the training part by column: raw ones, or else those of a table x."""
    if split.raw_train is not None:
        return split.raw_train
    x = split.x_train
    if not isinstance(x, np.ndarray) or x.ndim != 2 or x.dtype.kind not in "biuf":
        return {}
    return dict(zip(_names(split), x.T, strict=True))


def _names(split: "Split") -> Sequence[str]:
    return split.features or [f"column {i}" for i in range(split.x_train.shape[-1])]


def _class_names(split: "Split") -> Sequence[str]:
    y = np.asarray(split.y_train)
    count = y.shape[1] if y.ndim == 2 and y.shape[1] > 1 else max(int(y.max()) + 1, 2)
    return split.classes or [str(i) for i in range(count)]


def _targets(split: "Split") -> Table:
    parts = [("training", split.y_train), ("test", split.y_test)]
    rows = [(title, np.asarray(y).reshape(len(y), -1)) for title, y in parts if len(y)]
    if not split.task.is_classification:
        count = rows[0][1].shape[1]
        names = [split.target or "target"] if count == 1 else [f"target {i}" for i in range(count)]
        return target_table.numbers(names, rows)
    if split.task is not Task.MULTILABEL:
        rows = [(title, y[:, 0]) for title, y in rows]
    return target_table.classes(
        _class_names(split), [(title, y.astype(np.int64)) for title, y in rows]
    )


def _columns(split: "Split") -> Table | None:
    """Returns statistics of the columns, of evenly spaced rows where there are many."""
    columns, rows, of = training_columns(split), len(split.y_train), ""
    if rows > _MOST_ROWS:
        sample = np.linspace(0, rows - 1, _MOST_ROWS).astype(int)
        columns = {name: values[sample] for name, values in columns.items()}
        of = f", of {_MOST_ROWS:,} of its rows"
    kinds = {} if split.encoder is None else {c.name: c.kind for c in split.encoder.columns}
    kinds |= dict.fromkeys(split.row_numbers, "counts the rows")
    return column_table.table(columns, kinds, most=_MOST_COLUMNS, of=of)


def _first_rows(split: "Split") -> Table | Images | Figure | None:
    x = split.x_train
    if x.ndim == 4 and x.shape[-1] in (1, 3):
        pictures = thumbnails(x[:_IMAGES_SHOWN], pixels=_PIXELS)
        targets = _first_targets(split, len(pictures))
        pairs = enumerate(zip(pictures, targets, strict=True))
        return Images([(data, f"training image {i}", (text,)) for i, (data, text) in pairs])
    if x.ndim == 3:
        drawn, count = _drawn(split), x.shape[-1]
        which = "Each column" if len(drawn) == count else f"{len(drawn)} of {count} columns"
        text = f"{which} by step, as standard deviations from its mean."
        return svg.figure("The first training row", text, lambda ax: _draw(split, drawn, ax))
    columns = list(training_columns(split).items())[:_COLUMNS_SHOWN]
    if not columns:
        return None
    targets = _first_targets(split, _ROWS_SHOWN)
    first = [texts_of(values[: len(targets)]) for _, values in columns]
    numbers = range(len(targets)) if split.rows_train is None else split.rows_train
    rows = [
        (str(numbers[i]), *(texts[i] for texts in first), target)
        for i, target in enumerate(targets)
    ]
    names = [name for name, _ in columns]
    caption = "The first training rows"
    if len(training_columns(split)) > len(names):
        caption += f", in {len(names)} of their columns"
    numeric = [name for name, values in columns if values.dtype.kind in "biuf"]
    # A column of x may have the name "target".
    target = split.target or "target"
    target = f"{target} (target)" if target in names else target
    return Table(caption, ("row", *names, target), rows, numeric=numeric, is_wide=True)


def _first_targets(split: "Split", count: int) -> list[str]:
    """Returns the first targets in words."""
    y = np.asarray(split.y_train[:count])
    y = y.reshape(len(y), -1)
    if split.task is Task.MULTILABEL:
        names = np.array(_class_names(split), dtype=object)
        return [", ".join(names[row == 1]) or "none" for row in y]
    if split.task.is_classification:
        return [_class_names(split)[int(row[0])] for row in y]
    return [", ".join(texts) for texts in zip(*map(texts_of, y.T), strict=True)]


def _drawn(split: "Split") -> dict[str, int]:
    """Returns name -> position of the columns of a series to draw: the target first, no dates."""
    names = list(_names(split))
    dates = [c.name for c in split.encoder.columns if c.kind == "date"] if split.encoder else []
    kept = [name for name in names if not any(name.startswith(f"{date}.") for date in dates)]
    kept.sort(key=lambda name: name != split.target)
    return {name: names.index(name) for name in (kept or names)[:_LINES]}


def _draw(split: "Split", drawn: Mapping[str, int], ax: Any) -> None:
    x = np.asarray(split.x_train[:_MOST_ROWS], dtype=np.float64)
    for i, (name, position) in enumerate(drawn.items()):
        values = x[..., position]
        scaled = (values[0] - values.mean()) / (values.std() or 1.0)
        ax.plot(scaled, label=name, **line_look(i))
    ax.set_xlabel("step")
    ax.set_ylabel("standard deviations")
    ax.legend()
