"""The way from a table to a `Split`, with its warnings."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import polars as pl
import tensorflow as tf

from kerasnn import _checks
from kerasnn.data.rows.batching import batches
from kerasnn.data.rows.chunks import mask_of
from kerasnn.data.rows.partition import check_classes_to_train, partition, training_mask
from kerasnn.data.split import Split
from kerasnn.data.tables.columns import Column
from kerasnn.data.tables.columns.blocks import Blocks
from kerasnn.data.tables.columns.missing import policies
from kerasnn.data.tables.columns.raw import RawColumn
from kerasnn.data.tables.columns.specs import shared_feature
from kerasnn.data.tables.columns.statistics import statistics_for
from kerasnn.data.tables.contents import Contents, raise_all, read_contents, row_target
from kerasnn.data.tables.encoder import Encoder, encode
from kerasnn.data.tables.partitions import (
    Windows,
    partition_by_group,
    partition_by_time,
    partition_windows,
)
from kerasnn.data.tables.table import Table
from kerasnn.data.tables.table_options import TableOptions
from kerasnn.data.tables.table_targets import RowTarget
from kerasnn.data.tables.table_warnings import table_warnings

_EXAMPLES = 8
Raw = Mapping[str, RawColumn]


def split_table(
    table: Table, options: TableOptions, *, frame: pl.DataFrame | None = None, warn: bool = True
) -> Split:
    """Returns a table as a training and a test part; see `from_csv`.

    Args:
        table: The table.
        options: The arguments.
        frame: `table.frame()`, where it was read before.
        warn: Whether to warn of columns that count the rows, or that may be meant otherwise.
    """
    options.check_names(table)
    is_text = options.target in (*options.categorical, *options.date_formats)
    if frame is None and options.in_memory:
        frame = table.frame()
    blocks = Blocks(table, frame=frame, numeric=None if is_text else options.target)
    contents, rows = read_contents(blocks, options)
    target = row_target(contents, rows, options)
    if options.windows is not None:
        split = _windows(blocks, contents, target, options)
    elif options.in_memory:
        split = _in_memory(blocks, contents, target, options)
    else:
        split = _stream(blocks, contents, target, options)
    if contents.kept is not None:
        left_out = contents.rows - int(np.count_nonzero(contents.kept))
        split = dataclasses.replace(split, rows_left_out=left_out)
    if warn:
        texts = table_warnings(split, table, options)
        if split.row_numbers:
            texts.append(_row_numbers(split.row_numbers, table, options))
        for text in texts:
            _checks.warn(text)
    return split


def _row_numbers(names: Sequence[str], table: Table, options: TableOptions) -> str:
    which = f"column {names[0]!r} counts" if len(names) == 1 else f"columns {names} count"
    return (
        f"The {which} the rows of {table.source}. If the table is sorted, a network reads the "
        "target from such numbers, and is wrong on new rows: leave them out with "
        f"drop={[*options.drop, *names]}. If they are a quantity, such as time, keep them."
    )


def _in_memory(
    blocks: Blocks, contents: Contents, target: RowTarget, options: TableOptions
) -> Split:
    """Returns training rows and test rows, shuffled or in the order of a column."""
    train, test = _parts(contents, options, target)
    order, n = np.concatenate([train, test]), len(train)
    kinds = contents.features(options)
    raw = {name: c.take(order) for name, c in next(blocks.read()).raw(kinds).items()}
    # The order of the training rows does not matter to statistics.
    columns = _learned([_rows(raw, slice(0, n))], contents, options)
    encoder = _encoder(columns, _rows(raw, slice(0, min(n, _EXAMPLES))), options)
    x = encode(encoder, raw)
    arrays = {name: column.array(encoder.float_type) for name, column in raw.items()}
    split = Split(
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
        target=options.target,
        row_numbers=contents.row_numbers(options),
    )
    groups = contents.groups(options.groups)
    if groups is None:
        return split
    if contents.kept is not None:
        train = np.searchsorted(np.flatnonzero(contents.kept), train)
    return dataclasses.replace(split, groups_train=groups[train])


def _windows(blocks: Blocks, contents: Contents, target: RowTarget, options: TableOptions) -> Split:
    """Returns windows of all rows, each of which is encoded once."""
    windows = _divided_windows(contents, target, options)
    _check_classes_of_windows(windows, target, options)
    train = mask_of(np.union1d(windows.train, windows.train_next), contents.rows)
    raw = next(blocks.read()).raw(contents.features(options))
    columns = _learned([_rows(raw, train)], contents, options)
    encoder = _encoder(columns, _rows(raw, windows.train[:_EXAMPLES]), options)
    x = encode(encoder, raw)
    raw_train, raw_test = (
        {name: column.array(encoder.float_type) for name, column in _rows(raw, rows).items()}
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
        target=options.target,
        row_numbers=contents.row_numbers(options),
    )


def _stream(blocks: Blocks, contents: Contents, target: RowTarget, options: TableOptions) -> Split:
    """Returns datasets that read the table in each pass."""
    train = _training_mask(contents, options, target)
    kinds = contents.features(options)
    parts = (_rows(block.raw(kinds), here) for here, block in blocks.selected(train))
    columns = _learned(parts, contents, options)
    encoder = _encoder(columns, _first_rows(blocks, train, kinds), options)
    test = ~train if contents.kept is None else contents.kept & ~train
    x_train, x_test = (
        batches(
            _encoded(blocks, encoder, target, mask),
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
        rows_test=np.flatnonzero(test).astype(np.min_scalar_type(contents.rows)),
        target=options.target,
        row_numbers=contents.row_numbers(options),
    )


def _encoded(
    blocks: Blocks, encoder: Encoder, target: RowTarget, mask: np.ndarray
) -> tf.data.Dataset:
    """Returns the rows of a mask as a dataset of `(x, y)`."""
    kinds = {column.name: column.kind for column in encoder.columns}
    return tf.data.Dataset.from_generator(
        lambda: (
            (encode(encoder, _rows(block.raw(kinds), here)), target.of(block, here))
            for here, block in blocks.selected(mask)
        ),
        output_signature=(
            tf.TensorSpec((None, len(encoder.features)), tf.as_dtype(encoder.float_type)),
            tf.TensorSpec((None,), tf.as_dtype(target.dtype)),
        ),
    ).unbatch()


def _first_rows(blocks: Blocks, mask: np.ndarray, kinds: Mapping[str, str]) -> dict[str, RawColumn]:
    """Returns the first rows of a mask."""
    parts, found = [], 0
    for here, block in blocks.selected(mask):
        parts.append(_rows(block.raw(kinds), here[: _EXAMPLES - found]))
        found += min(len(here), _EXAMPLES - found)
        if found >= _EXAMPLES:
            break
    return {name: RawColumn.joined([part[name] for part in parts]) for name in kinds}


def _rows(raw: Raw, rows: np.ndarray | slice) -> dict[str, RawColumn]:
    return {name: column.take(rows) for name, column in raw.items()}


def _encoder(columns: list[Column], examples: Raw, options: TableOptions) -> Encoder:
    return Encoder(
        columns,
        missing_values=options.missing_values,
        windows=options.windows,
        examples={name: column.array("float64") for name, column in examples.items()},
    )


def _parts(
    contents: Contents, options: TableOptions, target: RowTarget
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


def _training_mask(contents: Contents, options: TableOptions, target: RowTarget) -> np.ndarray:
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


def _labels(contents: Contents, target: RowTarget) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Returns the classes of the rows that are kept, if there are any, and their names."""
    if target.classes is None:
        return None, ()
    return target.y if contents.kept is None else target.y[contents.kept], target.classes


def _parts_by_column(
    contents: Contents,
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


def _divided_windows(contents: Contents, target: RowTarget, options: TableOptions) -> Windows:
    return partition_windows(
        options.windows or 1,
        rows=contents.rows,
        test_size=options.test_size,
        times=contents.times(options.split_by),
        series=contents.groups(options.groups),
        has_target=target.present,
        time_name=options.split_by or "",
        series_name=options.groups or "",
        places=contents.places,
    )


def _check_classes_of_windows(windows: Windows, target: RowTarget, options: TableOptions) -> None:
    """Raises unless two windows at least, and one of them to train on, have each class."""
    if target.classes is None:
        return
    rows = np.concatenate([windows.train_next, windows.test_next])
    counts = np.bincount(target.y[rows], minlength=len(target.classes))
    if counts.min() < 2:
        rare = int(counts.argmin())
        raise _checks.InvalidArgument(
            "target",
            f"follow two windows at least in each class of {options.target!r}, for the training "
            "part and the test part",
            target.classes[rare],
            "If the target is no class but a number, give task='regression'.",
            got=f"class {target.classes[rare]!r}, which follows "
            f"{'no window' if not counts[rare] else 'one window only'}",
        )
    check_classes_to_train(target.y, windows.train_next, target.classes, options.test_size)


def _learned(parts: Iterable[Raw], contents: Contents, options: TableOptions) -> list[Column]:
    """Returns the columns, learned from training rows; raises one error for all that are wrong.

    Args:
        parts: The training rows, in parts.
        contents: What the first pass has found.
        options: The arguments.
    """
    policy = policies(options.missing)
    statistics = {
        name: statistics_for(
            kind,
            name,
            policy[name],
            check=name not in options.categorical,
            embed_above=options.embed_above,
            date_format=options.date_formats.get(name),
        )
        for name, kind in contents.features(options).items()
    }
    for raw in parts:
        for name, learned in statistics.items():
            learned.update(raw[name])
    columns, problems = [], []
    for learned in statistics.values():
        try:
            columns.append(learned.finish(contents.table.argument))
        except _checks.InvalidArgument as error:
            problems.append(error)
    shared = shared_feature(columns)
    if shared is not None:
        first, second, feature = shared
        problems.append(
            _checks.InvalidArgument(
                contents.table.argument,
                f"give x one column called {feature!r}",
                (first, second),
                "Rename one of them.",
                got=f"one from each of the columns {first!r} and {second!r}",
            )
        )
    raise_all(contents.table, [*contents.problems(options), *problems])
    return columns
