"""The way from a table to a `Split`, whatever the table is read from."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
import tensorflow as tf

from kerasnn.data._batching import batches
from kerasnn.data._chunks import mask_of
from kerasnn.data._partition import check_classes_to_train, partition, training_mask
from kerasnn.data.split import Split
from kerasnn.data.tables.columns import Column
from kerasnn.data.tables.columns.blocks import Blocks
from kerasnn.data.tables.columns.dates import DateFormat, parse_dates
from kerasnn.data.tables.columns.kinds import ColumnSummary
from kerasnn.data.tables.columns.missing import policies
from kerasnn.data.tables.columns.raw import RawColumn
from kerasnn.data.tables.columns.specs import shared_feature
from kerasnn.data.tables.columns.statistics import statistics_for
from kerasnn.data.tables.encoder import Encoder, encode
from kerasnn.data.tables.partitions import (
    Windows,
    partition_by_group,
    partition_by_time,
    partition_windows,
)
from kerasnn.data.tables.table import Table
from kerasnn.data.tables.table_options import TableOptions
from kerasnn.data.tables.table_targets import table_target
from kerasnn.tasks import Task

_EXAMPLES = 8


def split_table(table: Table, options: TableOptions, *, frame: pl.DataFrame | None = None) -> Split:
    """Returns a table as a training and a test part; see `from_csv`.

    Args:
        table: The table.
        options: The arguments.
        frame: `table.frame()`, where it was read before.
    """
    options.check_names(table)
    is_text = options.target in (*options.categorical, *options.date_formats)
    if frame is None and options.in_memory:
        frame = table.frame()
    blocks = Blocks(table, frame=frame, numeric=None if is_text else options.target)
    contents = _read(blocks, options)
    target = _Target.of(contents, options)
    windows = None
    train = test = np.array([], np.int64)
    if options.windows is not None:
        windows = _windows(contents, options)
        _check_classes_of_windows(windows, target, options)
        to_learn = mask_of(np.union1d(windows.train, windows.train_next), contents.rows)
    elif options.in_memory:
        train, test = _parts(contents, options, target)
        to_learn = mask_of(train, contents.rows)
    else:
        to_learn = _training_mask(contents, options, target)
    columns, problems = _learn(blocks, contents, options, to_learn)
    _raise_all([*contents.problems(options), *problems])

    if windows is not None:
        raw = next(blocks.read()).raw(columns)
        examples = {name: column.take(windows.train[:_EXAMPLES]) for name, column in raw.items()}
    elif options.in_memory:
        order = np.concatenate([train, test])
        raw = {n: c.take(order) for n, c in next(blocks.read()).raw(columns).items()}
        first = np.arange(min(_EXAMPLES, len(train)))
        examples = {name: column.take(first) for name, column in raw.items()}
    else:
        raw, examples = {}, _rows(blocks, to_learn, _EXAMPLES, columns)
    encoder = Encoder(
        columns,
        missing_values=options.missing_values,
        windows=options.windows,
        examples={name: column.array("float64") for name, column in examples.items()},
    )
    if windows is not None:
        return _split_windows(encoder, target, raw, windows)
    if options.in_memory:
        split = _split_rows(encoder, target, raw, train, test)
        groups = contents.groups(options.groups)
        if groups is None:
            return split
        if contents.kept is not None:
            train = np.searchsorted(np.flatnonzero(contents.kept), train)
        return dataclasses.replace(split, groups_train=groups[train])
    is_test = ~to_learn if contents.kept is None else contents.kept & ~to_learn
    return _split_stream(encoder, target, blocks, options, to_learn, is_test)


@dataclasses.dataclass(frozen=True)
class _Contents:
    """What the first pass over a table finds.

    Args:
        table: The table.
        rows: Number of its rows.
        kept: Mask of the rows that are not left out; None if that is all of them.
        summaries: Name -> summary.
        values: Name -> all values, of the target and the columns that divide the rows.
        kinds: Name -> kind, of the columns that can be read.
        unreadable: An error for each column that cannot.
    """

    table: Table
    rows: int
    kept: np.ndarray | None
    summaries: dict[str, ColumnSummary]
    values: dict[str, RawColumn]
    kinds: dict[str, str]
    unreadable: list[str]

    def problems(self, options: TableOptions) -> list[str]:
        """Returns an error for each column that cannot be read, and one for missing values."""
        policy = policies(options.missing)
        counts = [
            f"{name!r} {self.summaries[name].describe_missing(self.table)}"
            for name in options.features(self.table)
            if policy[name] == "error" and name in self.kinds and self.summaries[name].missing
        ]
        if not counts:
            return self.unreadable
        hint = (
            "Leave those rows out with missing='drop', fill in the mean and the commonest category "
            "of the training rows with missing='mean', or drop the columns."
        )
        if options.windows is not None:
            # Rows of a series cannot be left out, nor can the target's own past.
            hint = (
                "Fill in the mean and the commonest category of the training rows with "
                "missing='mean', or say in a column of x where they are missing, with "
                "missing='indicator'."
            )
        return [
            *self.unreadable,
            f"Missing values by column: {', '.join(counts)}. {hint}",
        ]

    def places(self, rows: Sequence[int]) -> str:
        """Returns where rows of those that are kept are."""
        if self.kept is not None:
            rows = np.flatnonzero(self.kept)[list(rows)].tolist()
        return self.table.places(list(rows))

    def of_kept(self, values: RawColumn) -> RawColumn:
        """Returns the rows of a column that are kept."""
        return values if self.kept is None else values.take(self.kept)

    def times(self, name: str | None) -> np.ndarray | None:
        """Returns numbers that order the rows that are kept, with NaN for a missing one."""
        if name is None:
            return None
        summary, kind = self.summaries[name], self._kind(name)
        column = self.of_kept(self.values[name])
        if kind == "number":
            return column.numbers()
        if kind != "date":
            # Neither numbers nor dates: refused by the division.
            return column.array("float64")
        texts = np.array([], object) if column.texts is None else column.texts
        dates = parse_dates(tf.constant(texts), DateFormat.parse(summary.date_format))
        return np.where(dates.valid, dates.days, np.nan)[column.values]

    def groups(self, name: str | None) -> np.ndarray | None:
        """Returns texts or numbers that tell groups of the rows that are kept apart."""
        if name is None:
            return None
        column = self.of_kept(self.values[name])
        self._kind(name)
        if column.texts is None:
            return column.numbers()
        texts = column.array("float64")
        texts[column.missing] = None
        return texts

    def _kind(self, name: str) -> str:
        if name not in self.kinds:
            _raise_all(self.unreadable)
        return self.kinds[name]


def _read(blocks: Blocks, options: TableOptions) -> _Contents:
    """Reads the table once: a summary of each column, and the values that divide the rows."""
    table, policy = blocks.table, policies(options.missing)
    features = options.features(table)
    whole = [options.target, *(n for n in (options.split_by, options.groups) if n is not None)]
    summaries = {
        name: ColumnSummary(
            name,
            as_text=name in options.categorical,
            as_date=name in options.date_formats,
            date_format=options.date_formats.get(name),
            is_target=name == options.target,
        )
        for name in dict.fromkeys([*features, *whole])
    }
    complete = [name for name in features if policy[name] == "drop"]
    complete += [options.target] if options.windows is None else []
    values: dict[str, list[RawColumn]] = {name: [] for name in whole}
    kept = []
    rows = 0
    for block in blocks.read(progress=True):
        for name, summary in summaries.items():
            summary.update(block.frame[name], block[name], block.start)
        for name in whole:
            values[name].append(block[name].compact())
        kept.append(block.complete(complete).copy())
        rows = block.start + len(block.frame)
    if not rows:
        raise ValueError(f"{table.source} holds a header and no rows.")
    kinds, unreadable = {}, []
    for name, summary in summaries.items():
        try:
            kinds[name] = summary.kind(table)
        except ValueError as error:
            unreadable.append(str(error))
    return _Contents(
        table,
        rows,
        None if all(mask.all() for mask in kept) else np.concatenate(kept),
        summaries,
        {name: RawColumn.joined(columns) for name, columns in values.items()},
        kinds,
        unreadable,
    )


@dataclasses.dataclass(frozen=True)
class _Target:
    """The target of all rows.

    Args:
        y: One value for each row of the table, indices of classes in the smallest type; 0 for
            rows that are left out.
        task: Its task.
        classes: Names of the classes, if there are any.
    """

    y: np.ndarray
    task: Task
    classes: tuple[str, ...] | None

    @classmethod
    def of(cls, contents: _Contents, options: TableOptions) -> "_Target":
        """Returns the target of the rows that are kept."""
        name, table = options.target, contents.table
        if name not in contents.kinds:
            _raise_all(contents.unreadable)
        summary, kind = contents.summaries[name], contents.kinds[name]
        if summary.missing and not options.drop_missing_target:
            raise ValueError(
                f"The target {name!r} is missing in rows: {summary.describe_missing(table)}. "
                "Drop them, with drop_missing_target=True."
            )
        # Only windows need the column again.
        values = contents.values[name] if options.windows else contents.values.pop(name)
        present = contents.kept
        if options.windows and summary.missing:
            present = ~values.missing
        if present is not None and not present.any():
            raise ValueError(f"{table.source} has no row without a missing value.")
        if present is None:
            return cls(*table_target(values, name, kind, options.task))
        found, task, classes = table_target(values.take(present), name, kind, options.task)
        y = np.zeros(contents.rows, found.dtype)
        y[present] = found
        return cls(y, task, classes)

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Returns y of some rows."""
        return self.y[rows].astype(self.dtype, copy=False)

    @property
    def dtype(self) -> np.dtype:
        """Type of y in a `Split`."""
        return self.y.dtype if self.classes is None else np.dtype(np.int64)


def _parts(
    contents: _Contents, options: TableOptions, target: _Target
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the indices of the training rows and of the test rows."""
    labels, classes = _labels(contents, target)
    parts = _parts_by_column(contents, options, labels, classes)
    if parts is None:
        rows = contents.rows if contents.kept is None else np.count_nonzero(contents.kept)
        parts = partition(
            int(rows),
            test_size=options.test_size,
            seed=options.seed,
            labels=labels,
            classes=classes,
        )
    if contents.kept is None:
        return parts
    kept = np.flatnonzero(contents.kept)
    return kept[parts[0]], kept[parts[1]]


def _training_mask(contents: _Contents, options: TableOptions, target: _Target) -> np.ndarray:
    """Returns a mask of the training rows of `_parts`, without their order."""
    labels, classes = _labels(contents, target)
    parts = _parts_by_column(contents, options, labels, classes)
    rows = contents.rows if contents.kept is None else int(np.count_nonzero(contents.kept))
    if parts is not None:
        mask = mask_of(parts[0], rows)
    else:
        mask = training_mask(
            rows, test_size=options.test_size, seed=options.seed, labels=labels, classes=classes
        )
    if contents.kept is None:
        return mask
    of_all = np.zeros(contents.rows, bool)
    of_all[contents.kept] = mask
    return of_all


def _labels(contents: _Contents, target: _Target) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Returns the classes of the rows that are kept, if there are any, and their names."""
    if target.classes is None:
        return None, ()
    return target.y if contents.kept is None else target.y[contents.kept], target.classes


def _parts_by_column(
    contents: _Contents,
    options: TableOptions,
    labels: np.ndarray | None,
    classes: tuple[str, ...],
) -> tuple[np.ndarray, np.ndarray] | None:
    """Returns both parts among the rows that are kept, if a column divides them."""
    times, groups = contents.times(options.split_by), contents.groups(options.groups)
    test_size, places = options.test_size, contents.places
    if times is not None:
        parts = partition_by_time(
            times, test_size=test_size, name=str(options.split_by), places=places
        )
    elif groups is not None:
        parts = partition_by_group(
            groups,
            test_size=test_size,
            seed=options.seed,
            name=str(options.groups),
            places=places,
        )
    else:
        return None
    if labels is not None:
        check_classes_to_train(labels, parts[0], classes, test_size)
    return parts


def _windows(contents: _Contents, options: TableOptions) -> Windows:
    return partition_windows(
        options.windows or 1,
        rows=contents.rows,
        test_size=options.test_size,
        times=contents.times(options.split_by),
        series=contents.groups(options.groups),
        has_target=~contents.values[options.target].missing,
        time_name=options.split_by or "",
        series_name=options.groups or "",
        places=contents.places,
    )


def _check_classes_of_windows(windows: Windows, target: _Target, options: TableOptions) -> None:
    """Raises unless two windows at least, and one of them to train on, have each class."""
    if target.classes is None:
        return
    rows = np.concatenate([windows.train_next, windows.test_next])
    counts = np.bincount(target.y[rows], minlength=len(target.classes))
    if counts.min() < 2:
        rare = int(counts.argmin())
        raise ValueError(
            f"Class {target.classes[rare]!r} of the target {options.target!r} follows "
            f"{'no window' if not counts[rare] else 'one window only'} and has to follow at least "
            "2, for the training part and the test part. If the target is no class but a number, "
            "give task='regression'."
        )
    check_classes_to_train(target.y, windows.train_next, target.classes, options.test_size)


def _learn(
    blocks: Blocks, contents: _Contents, options: TableOptions, train: np.ndarray
) -> tuple[list[Column], list[str]]:
    """Reads the rows of a mask: statistics of the columns, and an error for each without."""
    policy, kinds = policies(options.missing), contents.kinds
    statistics = {
        name: statistics_for(
            kinds[name],
            name,
            policy[name],
            check=name not in options.categorical,
            embed_above=options.embed_above,
            date_format=options.date_formats.get(name),
        )
        for name in options.features(blocks.table)
        if name in kinds
    }
    for here, block in blocks.selected(train):
        for name, learned in statistics.items():
            learned.update(block[name].take(here))
    columns, problems = [], []
    for learned in statistics.values():
        try:
            columns.append(learned.finish())
        except ValueError as error:
            problems.append(str(error))
    shared = shared_feature(columns)
    if shared is not None:
        first, second, feature = shared
        problems.append(
            f"Columns {first!r} and {second!r} both give x a column called {feature!r}. Rename "
            "one of them."
        )
    return columns, problems


def _split_rows(
    encoder: Encoder,
    target: _Target,
    raw: Mapping[str, RawColumn],
    train: np.ndarray,
    test: np.ndarray,
) -> Split:
    """Returns the training rows and the test rows, which follow them in `raw`."""
    x = encode(encoder, raw)
    arrays = {name: column.array(encoder.float_type) for name, column in raw.items()}
    n = len(train)
    return Split(
        x[:n],
        target.take(train),
        x[n:],
        target.take(test),
        target.task,
        target.classes,
        encoder.features,
        encoder,
        {name: array[:n] for name, array in arrays.items()},
        {name: array[n:] for name, array in arrays.items()},
        rows_train=train.astype(np.int64),
        rows_test=test.astype(np.int64),
    )


def _split_windows(
    encoder: Encoder, target: _Target, raw: Mapping[str, RawColumn], windows: Windows
) -> Split:
    """Returns windows of all rows, each of which is encoded once."""
    x = encode(encoder, raw)
    raw_train, raw_test = (
        {name: column.take(rows).array(encoder.float_type) for name, column in raw.items()}
        for rows in (windows.train, windows.test)
    )
    return Split(
        x[windows.train],
        target.take(windows.train_next),
        x[windows.test],
        target.take(windows.test_next),
        target.task,
        target.classes,
        encoder.features,
        encoder,
        raw_train,
        raw_test,
        rows_train=windows.train_next,
        rows_test=windows.test_next,
    )


def _split_stream(
    encoder: Encoder,
    target: _Target,
    blocks: Blocks,
    options: TableOptions,
    train: np.ndarray,
    test: np.ndarray,
) -> Split:
    """Returns datasets that read the table in each pass."""
    x_train, x_test = (
        batches(
            _stream(blocks, encoder, target, mask),
            int(np.count_nonzero(mask)),
            options.batch_size,
            shuffle_seed=shuffle_seed,
        )
        for mask, shuffle_seed in ((train, options.seed), (test, None))
    )
    return Split(
        x_train,
        None,
        x_test,
        None,
        target.task,
        target.classes,
        encoder.features,
        encoder,
        rows_test=np.flatnonzero(test),
    )


def _stream(blocks: Blocks, encoder: Encoder, target: _Target, mask: np.ndarray) -> tf.data.Dataset:
    return tf.data.Dataset.from_generator(
        lambda: (
            (
                encode(encoder, block.select(here).raw(encoder.columns)),
                target.take(block.start + here),
            )
            for here, block in blocks.selected(mask)
        ),
        output_signature=(
            tf.TensorSpec((None, len(encoder.features)), tf.as_dtype(encoder.float_type)),
            tf.TensorSpec((None,), tf.as_dtype(target.dtype)),
        ),
    ).unbatch()


def _rows(
    blocks: Blocks, mask: np.ndarray, count: int, columns: Sequence[Column]
) -> dict[str, RawColumn]:
    """Returns the first rows of a mask."""
    parts, found = [], 0
    for here, block in blocks.selected(mask):
        chosen = block.select(here[: count - found])
        parts.append(chosen.raw(columns))
        found += len(chosen.frame)
        if found >= count:
            break
    return {name: RawColumn.joined([part[name] for part in parts]) for name in parts[0]}


def _raise_all(problems: Sequence[str]) -> None:
    """Raises one error of one line for each column, if there is any."""
    if problems:
        raise ValueError("\n".join(problems))
