"""Data sets from frames of pandas, Polars and pyarrow."""

from collections.abc import Mapping, Sequence
from typing import Any

from kerasnn import _checks
from kerasnn._core.raw_rows import MISSING_VALUES
from kerasnn.data.split import Split
from kerasnn.tasks import Task


@_checks.known_arguments
def from_frame(
    frame: Any,
    target: str,
    *,
    test_size: float = 0.2,
    seed: int = 0,
    missing: str | Mapping[str | None, str] = "error",
    missing_values: Sequence[str] = MISSING_VALUES,
    task: Task | str | None = None,
    categorical: Sequence[str] = (),
    dates: Mapping[str, str] | None = None,
    drop: Sequence[str] = (),
    embed_above: int | None = None,
    split_by: str | None = None,
    groups: str | None = None,
    windows: int | None = None,
    drop_missing_target: bool = False,
    in_memory: bool = True,
    batch_size: int = 32,
) -> Split:
    """Divides a frame of pandas, Polars or pyarrow into a training and a test part.

    The columns become x, and the target y, as in `data.from_csv`, which describes the kinds of
    columns and what is done with missing values. Numbers, booleans and dates of the frame are
    taken as such; text is read as a CSV file's, so that a column of texts like `2024-12-31` is one
    of dates. Missing are None, NaN, NaT, `pandas.NA` and the texts in `missing_values`. An index of
    pandas is no column: make it one with `reset_index()`. Times with a time zone become UTC, also
    those of the rows that `split.encoder.encode` and `serving.Predictor` are asked about: for local
    hours remove the zone first, with `.dt.tz_localize(None)` or `.dt.replace_time_zone(None)`.

    Args:
        frame: A frame of pandas, Polars (also a lazy one) or pyarrow.
        target: Name of the column to predict.
        test_size: As in `from_csv`, as are all others.
        seed: Seed of the split, and of the shuffle with `in_memory=False`.
        missing: What to do with missing features.
        missing_values: Texts that stand for a missing value.
        task: A `kerasnn.tasks.Task` or its name; None infers it.
        categorical: Columns that are names although they hold numbers, booleans or dates.
        dates: Columns of texts that are dates in another format than ISO's: name -> format.
        drop: Columns to leave out, which may be of any type.
        embed_above: Number of names above which a column becomes one of indices.
        split_by: Column of numbers or dates; the test part holds the last rows by it.
        groups: Column whose equal values stay in one part.
        windows: Number of past steps in each row of x, for series.
        drop_missing_target: Whether rows without a target are left out.
        in_memory: False encodes the frame batch by batch, in a `tf.data.Dataset`.
        batch_size: Rows in a batch. Not used for arrays in memory.

    Returns:
        A `Split` with the names of the columns of x in `features`, the `encoder`, and the raw
        rows in `raw_train` and `raw_test`.

    Raises:
        InvalidArgument: If an argument breaks its rule, if values are missing and `missing` does
            not say what becomes of them, or if the frame breaks one of the rules of `from_csv`;
            columns and rows are named.

    Example:
        >>> import polars as pl
        >>> from kerasnn import data
        >>> frame = pl.DataFrame(
        ...     {"grams": 5 * [150, 120], "ripe": 5 * [True, None], "fruit": 5 * ["apple", "plum"]}
        ... )
        >>> data.from_frame(frame, "fruit", missing="indicator")
        Split(binary, target=fruit, x_train=(8, 3) float32, y_train=(8,) int64,
              x_test=(2, 3) float32, y_test=(2,) int64,
              classes=apple, plum, features=grams, ripe, ripe is missing)
    """
    # What reads tables takes long to import.
    from kerasnn.data.tables.frame_table import FrameTable
    from kerasnn.data.tables.split_table import split_table
    from kerasnn.data.tables.table_options import TableOptions

    options = TableOptions(
        target=target,
        test_size=test_size,
        seed=seed,
        missing=missing,
        missing_values=missing_values,
        task=task,
        categorical=categorical,
        dates=dates,
        drop=drop,
        embed_above=embed_above,
        split_by=split_by,
        groups=groups,
        windows=windows,
        drop_missing_target=drop_missing_target,
        in_memory=in_memory,
        batch_size=batch_size,
    )
    table = FrameTable(
        frame, missing_values=missing_values, as_text=options.as_text, drop=options.ignored
    )
    return split_table(table, options)
