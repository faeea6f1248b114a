"""Rows by class or label, and statistics of numbers, in each part of the data."""

from collections.abc import Sequence

import numpy as np

from kerasnn._core.display.blocks import Table, percent, texts_of

_MOST_CLASSES = 50

# Title and targets of each part.
Parts = Sequence[tuple[str, np.ndarray]]


def classes(names: Sequence[str], parts: Parts) -> Table:
    """Returns the number of rows of each class or label.

    Args:
        names: Names of the classes or labels.
        parts: `(rows,)` class numbers, or `(rows, labels)` zeros and ones.
    """
    columns = [
        (title, y.sum(axis=0) if y.ndim == 2 else np.bincount(y, minlength=len(names)), len(y))
        for title, y in parts
    ]
    rows = [
        (
            name,
            *(
                text
                for _, count, total in columns
                for text in (f"{count[i]:,}", percent(count[i] / total))
            ),
        )
        for i, name in enumerate(names[:_MOST_CLASSES])
    ]
    numeric = [text for title, *_ in columns for text in (f"{title} rows", f"% of {title}")]
    kind = "label" if parts[0][1].ndim == 2 else "class"
    caption = "Labels" if kind == "label" else "Classes"
    if len(names) > len(rows):
        caption += f": the first {len(rows)} of {len(names)}"
    return Table(caption, (kind, *numeric), rows, numeric=numeric)


def numbers(names: Sequence[str], parts: Parts) -> Table:
    """Returns mean, deviation and quantiles of each target.

    Args:
        names: Names of the targets.
        parts: `(rows, targets)` numbers.
    """
    head = ("target", "part", "mean", "deviation", "smallest", "median", "largest")
    rows = []
    for i, name in enumerate(names):
        of_parts = [y[:, i] for _, y in parts]
        statistics = [
            texts_of(np.array([float(statistic(y)) for y in of_parts]))
            for statistic in (np.mean, np.std, np.min, np.median, np.max)
        ]
        rows += [
            (name, title, *(texts[j] for texts in statistics)) for j, (title, _) in enumerate(parts)
        ]
    return Table("Targets", head, rows, numeric=head[2:])
