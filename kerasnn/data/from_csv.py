"""Data sets from CSV files."""

import os
from collections.abc import Mapping, Sequence

from kerasnn import _checks
from kerasnn._core.raw_rows import MISSING_VALUES
from kerasnn.data.split import Split
from kerasnn.tasks import Task


@_checks.known_arguments
def from_csv(
    path: str | os.PathLike,
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
    delimiter: str = ",",
    encoding: str = "utf-8-sig",
    in_memory: bool = True,
    batch_size: int = 32,
    verbose: int | str = "auto",
) -> Split:
    r"""Reads a CSV file, whose first line names the columns, into a training and a test part.

    | a column of | becomes |
    |---|---|
    | numbers | one column of x |
    | names | a column of zeros and ones for each name, called for example `colour=red` |
    | `true` and `false`, in any case | one column of ones and zeros |
    | dates, as 2024-12-31 or 2024/12/31, with or without a time | its parts: `when.year`, `.month`, `.day`, `.weekday` (0 is Monday), `.day_of_year`, `.days` since the first date of the training rows, and with times `.hour` and `.minute` |

    Names, means and first dates are learned from the training rows alone, and `split.encoder` is
    a Keras model that computes x from raw rows in the same way: see `data.Encoder`, which also
    says what becomes of names and values that no training row has. A constant column is kept;
    `layers.Standardize` makes it zeros. A column that counts the rows is kept with a warning. Others
    warn of names that differ in case alone, of names that are dates in a usual format, and of
    numbers with leading zeros, which may be codes such as postal codes: say what they are with
    `dates` or `categorical`.

    Columns that are wrong are refused in one error, with a line of text for each: numbers or
    dates mixed with text, numbers that cannot be read, columns without a value, names of which
    nearly each row has another one, sentences, missing values, integers that differ only in digits
    that float64 drops, and values that differ only in digits that float32 drops, such as seconds
    since 1970 within one minute; with `keras.config.set_floatx("float64")` real numbers are float64.

    The target becomes class indices, in the order of the names or numbers in `split.classes`, or
    float32 values. The classes of `true` and `false`, in any case, are `False` and `True`.

    | `missing` | number | name | boolean | date |
    |---|---|---|---|---|
    | `"error"` | an error | an error | an error | an error |
    | `"mean"` | the mean | the commonest | the commonest | the median |
    | `"median"` | the median | the commonest | the commonest | the median |
    | `"indicator"` | the mean, and a column `age is missing` of zeros and ones | zeros, and that column | the commonest, and that column | the median, and that column |
    | `"category"` | as `"indicator"` | as `"indicator"` | as `"indicator"` | as `"indicator"` |
    | `"drop"` | the row is left out | the row is left out | the row is left out | the row is left out |

    Each is of the training rows, and of names that are equally common the first. The column
    `age is missing` is there if a training row lacks its value. An embedded name that is missing
    has index 0, except with `"mean"` and `"median"`.

    Args:
        path: The file.
        target: Name of the column to predict.
        test_size: Fraction of the rows in the test part, in (0, 1). Classes have the same
            fractions of both parts.
        seed: Seed of the split, and of the shuffle with `in_memory=False`.
        missing: What to do with missing features, as in the table above: one word for all
            columns, or a dictionary by column. In it None stands for all other columns, which
            else raise.
        missing_values: Cells that stand for a missing value, without blanks around them; the
            empty cell always does. By default `?`, `NA`, `na`, `N/A`, `n/a`, `#N/A`, `NaN`, `nan`,
            `NAN`, `NULL`, `null` and `Null`. If `NA` is a value, such as Namibia or "no alley",
            give `("",)`.
        task: A `kerasnn.tasks.Task` or its name; None infers it by `kerasnn.tasks.infer`.
        categorical: Columns that are names although they hold numbers, booleans or dates: months,
            postal codes. The target may be one of them. Nor are they checked for names that only
            one row has.
        dates: Columns of dates in another format than ISO's: name -> format as in
            `datetime.strptime`, of `%Y %y %m %d %H %M %S %f` and English months, `%b %B`.
        drop: Columns to leave out. `split_by` and `groups` may be among them.
        embed_above: Number of names above which a column becomes one column of indices for an
            embedding: 1, 2, ... by name, and 0 where unknown or missing. Give `split.embeddings` to
            `models.mlp`, which cannot know of them otherwise and would take the indices as
            quantities. None never does so, and refuses columns of more than 256 names.
        split_by: Column of numbers or dates; the test part holds the last rows by it. Without it,
            rows are divided at random.
        groups: Column whose equal values stay in one part, such as a patient's number; it is no
            column of x. With `windows` it tells several series apart.
        windows: Number of past steps in each row of x, for series: x is `(rows, steps, columns)`
            with the target's own past among the columns, and y the target of the step after. The
            steps are in the order of `split_by`, or of the file; the test part holds the last.
            Steps are rows, not time: a gap in time is not seen, so fill in the rows of gaps first.
            `raw_train` and `raw_test` are `(rows, steps)` for each column. Of names, each follows
            a training window at least.
        drop_missing_target: Whether rows without a target are left out. They raise otherwise.
        delimiter: The character between two cells.
        encoding: As in `open`. The default reads UTF-8 with and without a byte-order mark.
        in_memory: False leaves the rows in the file and gives batches in a `tf.data.Dataset`: the
            file is read three times to learn the columns and again in each epoch. Each row takes up
            to 8 bytes of memory, with `split_by` or `groups` up to 40 more; with `missing="median"`
            the column stays too. Both parts have the same rows as with True. The training part is
            shuffled in a buffer of 10,000 rows, so shuffle a file that is sorted by class first.
            The test rows come in the order of the file.
        batch_size: Rows in a batch. Not used for arrays in memory.
        verbose: 1 for a progress bar, 0 for silence, "auto" for a bar on a terminal or in a
            notebook where it takes over two seconds.

    Returns:
        A `Split` with the names of the columns of x in `features`, the `encoder`, and the raw
        rows in `raw_train` and `raw_test`.

    Raises:
        FileNotFoundError: If there is no such file.
        InvalidArgument: If an argument breaks its rule, if values are missing and `missing` does
            not say what becomes of them, or if the file breaks one of the rules above; columns and
            lines are named.

    Example:
        >>> import pathlib, tempfile
        >>> from kerasnn import data
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "fruit.csv"
        >>> rows = ["grams,colour,fruit"] + 5 * ["150,red,apple", "120,yellow,banana"]
        >>> _ = path.write_text("\n".join(rows))
        >>> split = data.from_csv(path, "fruit")
        >>> split
        Split(binary, target=fruit, x_train=(8, 3) float32, y_train=(8,) int64,
              x_test=(2, 3) float32, y_test=(2,) int64,
              classes=apple, banana, features=grams, colour=red, colour=yellow)
        >>> split.encoder(split.raw_test).numpy().tolist() == split.x_test.tolist()
        True
    """  # noqa: E501
    # What reads tables takes long to import.
    from kerasnn.data.tables.csv_table import CsvTable
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
    table = CsvTable(
        path,
        delimiter=delimiter,
        encoding=encoding,
        missing_values=missing_values,
        as_text=options.as_text,
        drop=options.ignored,
        verbose=verbose,
    )
    return split_table(table, options)
