"""The way from a table to a `Split`, whatever the table is read from."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl
import tensorflow as tf

from kerasnn import _checks
from kerasnn.data._batching import batches
from kerasnn.data._partition import check_partition, partition
from kerasnn.data.encoder import Encoder, encode
from kerasnn.data.split import Split
from kerasnn.data.tables.columns import Column
from kerasnn.data.tables.dates import DateFormat
from kerasnn.data.tables.kinds import ColumnSummary, raw_values
from kerasnn.data.tables.missing import policies
from kerasnn.data.tables.raw_columns import RawColumn
from kerasnn.data.tables.statistics import statistics_for
from kerasnn.data.tables.table import Table
from kerasnn.data.tables.table_targets import table_target
from kerasnn.tasks import Task

_EXAMPLES = 8


@dataclasses.dataclass(frozen=True, kw_only=True)
class TableOptions:
    """Arguments that `from_csv` and `from_frame` share, and document."""

    target: str
    test_size: float
    seed: int
    missing: str | Mapping[str | None, str]
    missing_values: Sequence[str]
    task: Task | str | None
    categorical: Sequence[str]
    dates: Mapping[str, str]
    drop: Sequence[str]
    embed_above: int | None
    split_by: str | None
    groups: str | None
    windows: int | None
    drop_missing_target: bool
    in_memory: bool
    batch_size: int

    def check(self) -> None:
        """Raises unless the arguments are valid, whatever the table holds."""
        check_partition(self.test_size, self.seed)
        policies(self.missing if isinstance(self.missing, str) else "error", ())
        _checks.integer("batch_size", self.batch_size)
        _checks.boolean("drop_missing_target", self.drop_missing_target)
        _checks.boolean("in_memory", self.in_memory)
        if self.embed_above is not None:
            _checks.integer("embed_above", self.embed_above)
        if self.windows is not None:
            _checks.integer("windows", self.windows)
        is_text = isinstance(self.missing_values, str)
        if is_text or not all(isinstance(value, str) for value in self.missing_values):
            raise _checks.InvalidArgument(
                "missing_values",
                "be a sequence of strings",
                self.missing_values,
                'For the empty cell alone give ("",).',
            )
        for date_format in self.dates.values():
            DateFormat.parse(date_format)

    def check_names(self, table: Table) -> None:
        """Raises unless the arguments name columns of the table."""
        for argument, names in (
            ("target", [self.target]),
            ("categorical", self.categorical),
            ("dates", list(self.dates)),
            ("drop", self.drop),
        ):
            if isinstance(names, str):
                raise _checks.InvalidArgument(
                    argument, "be a sequence of names", names, f"Write ({names!r},)."
                )
            for name in names:
                if name not in table.names:
                    hint = _checks.did_you_mean(name, table.names)
                    if len(table.names) == 1:
                        hint = "The file has one column only: should `delimiter` be ';' or '\\t'?"
                    raise _checks.InvalidArgument(
                        argument,
                        f"name a column of {table.source}: {', '.join(map(repr, table.names))}",
                        name,
                        hint,
                    )
        if self.target in self.drop:
            raise _checks.InvalidArgument(
                "drop", f"not contain the target {self.target!r}", self.drop
            )
        policies(self.missing, table.names)
        if not self.features(table):
            raise ValueError(
                f"{table.source} has no column besides the target {self.target!r} to learn from."
            )

    @property
    def ignored(self) -> list[str]:
        """Names of columns that need not be read."""
        return [name for name in self.drop if name not in (self.split_by, self.groups)]

    def features(self, table: Table) -> list[str]:
        """Returns the names of the columns to learn from."""
        return [name for name in table.names if name not in (*self.drop, self.target)]


def split_table(table: Table, options: TableOptions) -> Split:
    """Returns a table as a training and a test part; see `from_csv`."""
    options.check_names(table)
    policy = policies(options.missing, table.names)
    frames = _Frames(table, options.in_memory)
    features = options.features(table)

    contents = _read(frames, options, features, policy)
    problems = contents.problems(table, policy)
    values = contents.target_values(table, options)
    y, task, classes = table_target(values, contents.kinds[options.target], options.task)
    kept = contents.kept
    train, test = partition(
        len(y),
        test_size=options.test_size,
        seed=options.seed,
        labels=None if classes is None else y,
        classes=classes or (),
    )
    # One value for each row of the table, also for those that are left out.
    targets = np.zeros(contents.rows, y.dtype)
    targets[kept] = y
    train, test = kept[train], kept[test]

    names = [name for name in features if name in contents.kinds]
    columns, more = _learn(frames, options, contents.kinds, names, policy, train)
    _raise_all([*problems, *more])
    if not options.in_memory:
        examples = _examples(frames, columns, np.sort(train)[:_EXAMPLES])
        encoder = Encoder(columns, missing_values=options.missing_values, examples=examples)
        x_train, x_test = (
            batches(
                _stream(frames, encoder, targets, rows),
                len(rows),
                options.batch_size,
                shuffle_seed=shuffle_seed,
            )
            for rows, shuffle_seed in ((train, options.seed), (test, None))
        )
        return Split(x_train, None, x_test, None, task, classes, encoder.features, encoder)

    frame = next(frames.blocks())[1]
    order = np.concatenate([train, test])
    raw = {
        column.name: RawColumn.of(raw_values(frame[column.name], column.kind)).take(order)
        for column in columns
    }
    encoder = Encoder(
        columns,
        missing_values=options.missing_values,
        examples={
            name: c.take(np.arange(len(train))[:_EXAMPLES]).array("float64")
            for name, c in raw.items()
        },
    )
    x = encode(encoder, raw)
    arrays = {name: column.array(encoder.float_type) for name, column in raw.items()}
    n = len(train)
    return Split(
        x[:n],
        targets[train],
        x[n:],
        targets[test],
        task,
        classes,
        encoder.features,
        encoder,
        {name: array[:n] for name, array in arrays.items()},
        {name: array[n:] for name, array in arrays.items()},
    )


class _Frames:
    """The rows of a table, as one frame in memory or block by block in each pass."""

    def __init__(self, table: Table, in_memory: bool) -> None:
        self.table = table
        self._frame = table.frame() if in_memory else None

    def blocks(self, *, progress: bool = False) -> Iterator[tuple[int, pl.DataFrame]]:
        """Yields frames, each with the index of its first row."""
        start = 0
        frames = self.table.frames(progress=progress) if self._frame is None else [self._frame]
        for frame in frames:
            yield start, frame
            start += len(frame)

    def selected(self, rows: np.ndarray) -> Iterator[tuple[np.ndarray, pl.DataFrame]]:
        """Yields frames of the rows with these indices, in the order of the table, with them."""
        rows = np.sort(rows)
        for start, frame in self.blocks():
            first, end = np.searchsorted(rows, (start, start + len(frame)))
            if end > first:
                here = rows[first:end]
                yield here, frame[here - start]


@dataclasses.dataclass(frozen=True)
class _Contents:
    """What the first pass over a table finds.

    Args:
        rows: Number of rows.
        kept: Indices of the rows that are not left out.
        summaries: Name -> summary.
        target: Values of the target in all rows.
        kinds: Name -> kind, of the columns that can be read.
        unreadable: An error for each column that cannot.
    """

    rows: int
    kept: np.ndarray
    summaries: dict[str, ColumnSummary]
    target: pl.Series
    kinds: dict[str, str]
    unreadable: list[str]

    def problems(self, table: Table, policy: Mapping[str, str]) -> list[str]:
        """Returns an error for each column that cannot be read, and one for missing values."""
        counts = [
            f"{name!r} {summary.describe_missing(table)}"
            for name, summary in self.summaries.items()
            if summary.missing
            and policy[name] == "error"
            and name in self.kinds
            and name != self.target.name
        ]
        if not counts:
            return self.unreadable
        return [
            *self.unreadable,
            f"Missing values by column: {', '.join(counts)}. Leave those rows out with "
            "missing='drop', fill in the mean and the commonest category of the training rows "
            "with missing='mean', or drop the columns.",
        ]

    def target_values(self, table: Table, options: TableOptions) -> pl.Series:
        """Returns the target of the rows that are kept."""
        name = options.target
        if name not in self.kinds:
            _raise_all(self.unreadable)
        summary = self.summaries[name]
        if summary.missing and not options.drop_missing_target:
            raise ValueError(
                f"The target {name!r} is missing in rows: {summary.describe_missing(table)}. "
                "Drop them, with drop_missing_target=True."
            )
        if not len(self.kept):
            raise ValueError(f"{table.source} has no row without a missing value.")
        values = self.target[self.kept]
        return values if self.kinds[name] == "number" else raw_values(values, "category")


def _read(
    frames: _Frames, options: TableOptions, features: Sequence[str], policy: Mapping[str, str]
) -> _Contents:
    """Reads the table once: a summary of each column, and the target's values."""
    summaries = {
        name: ColumnSummary(
            name,
            as_text=name in options.categorical,
            as_date=name in options.dates,
            date_format=options.dates.get(name),
        )
        for name in (*features, options.target)
    }
    target: list[pl.Series] = []
    kept: list[np.ndarray] = []
    complete = [name for name in features if policy[name] == "drop"] + [options.target]
    rows = 0
    for start, frame in frames.blocks(progress=True):
        for name, summary in summaries.items():
            summary.update(frame[name], start)
        target.append(frame[options.target])
        mask = frame.select(pl.all_horizontal(pl.col(*complete).is_not_null())).to_series()
        kept.append(start + mask.arg_true().to_numpy())
        rows = start + len(frame)
    table = frames.table
    if not rows:
        raise ValueError(f"{table.source} holds a header and no rows.")
    kinds, unreadable = {}, []
    for name, summary in summaries.items():
        try:
            kinds[name] = summary.kind(table)
        except ValueError as error:
            unreadable.append(str(error))
    return _Contents(
        rows, np.concatenate(kept).astype(np.int64), summaries, pl.concat(target), kinds, unreadable
    )


def _learn(
    frames: _Frames,
    options: TableOptions,
    kinds: Mapping[str, str],
    names: Sequence[str],
    policy: Mapping[str, str],
    train: np.ndarray,
) -> tuple[list[Column], list[str]]:
    """Reads the training rows: statistics of the columns, and an error for each without."""
    statistics = {
        name: statistics_for(
            kinds[name],
            name,
            policy[name],
            check=name not in options.categorical,
            embed_above=options.embed_above,
            date_format=options.dates.get(name),
        )
        for name in names
    }
    for _, frame in frames.selected(train):
        for name, learned in statistics.items():
            learned.update(raw_values(frame[name], kinds[name]))
    columns, problems = [], []
    for learned in statistics.values():
        try:
            columns.append(learned.finish())
        except ValueError as error:
            problems.append(str(error))
    return columns, problems


def _raise_all(problems: Sequence[str]) -> None:
    """Raises one error of one line for each column, if there is any."""
    if problems:
        raise ValueError("\n".join(problems))


def _raw(frame: pl.DataFrame, columns: Sequence[Column]) -> dict[str, RawColumn]:
    return {
        column.name: RawColumn.of(raw_values(frame[column.name], column.kind)) for column in columns
    }


def _examples(
    frames: _Frames, columns: Sequence[Column], rows: np.ndarray
) -> dict[str, np.ndarray]:
    frame = pl.concat([frame for _, frame in frames.selected(rows)])
    return {name: raw.array("float64") for name, raw in _raw(frame, columns).items()}


def _stream(
    frames: _Frames, encoder: Encoder, targets: np.ndarray, rows: np.ndarray
) -> tf.data.Dataset:
    """Returns a dataset of single examples, which reads the table in each pass."""
    return tf.data.Dataset.from_generator(
        lambda: (
            (encode(encoder, _raw(frame, encoder.columns)), targets[here])
            for here, frame in frames.selected(rows)
        ),
        output_signature=(
            tf.TensorSpec((None, len(encoder.features)), tf.as_dtype(encoder.float_type)),
            tf.TensorSpec((None,), tf.as_dtype(targets.dtype)),
        ),
    ).unbatch()
