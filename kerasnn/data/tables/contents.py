"""What the first pass over a table finds: kinds of columns, missing values, the target."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn.data.tables.columns.blocks import Blocks
from kerasnn.data.tables.columns.dates import DateFormat, parse_dates
from kerasnn.data.tables.columns.kinds import ColumnSummary
from kerasnn.data.tables.columns.missing import policies
from kerasnn.data.tables.columns.raw import RawColumn
from kerasnn.data.tables.table import Table
from kerasnn.data.tables.table_options import TableOptions
from kerasnn.data.tables.table_targets import RowTarget, TargetRows, table_target


@dataclasses.dataclass(frozen=True)
class Contents:
    """What the first pass over a table finds.

    Args:
        table: The table.
        rows: Number of its rows.
        kept: Mask of the rows that are not left out; None if that is all of them.
        summaries: Name -> summary.
        values: Name -> all values, of the columns that divide the rows.
        kinds: Name -> kind, of the columns that can be read.
        unreadable: An error for each column that cannot.
    """

    table: Table
    rows: int
    kept: np.ndarray | None
    summaries: dict[str, ColumnSummary]
    values: dict[str, RawColumn]
    kinds: dict[str, str]
    unreadable: list[_checks.InvalidArgument]

    def problems(self, options: TableOptions) -> list[_checks.InvalidArgument]:
        """Returns an error for each column that cannot be read, and one for missing values."""
        policy = policies(options.missing)
        names = [
            name
            for name in options.features(self.table)
            if policy[name] == "error" and name in self.kinds and self.summaries[name].missing
        ]
        if not names:
            return self.unreadable
        counts = [f"{name!r} {self.summaries[name].describe_missing(self.table)}" for name in names]
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
        if any(self.kinds[name] == "category" for name in names):
            hint += " A text such as 'NA' that is a value is to be left out of `missing_values`."
        missing = _checks.InvalidArgument(
            "missing",
            "say what becomes of missing values",
            options.missing,
            hint,
            got=f"missing values by column: {', '.join(counts)}",
        )
        return [*self.unreadable, missing]

    def features(self, options: TableOptions) -> dict[str, str]:
        """Returns name -> kind, of the columns to learn from that can be read."""
        names = options.features(self.table)
        return {name: self.kinds[name] for name in names if name in self.kinds}

    def row_numbers(self, options: TableOptions) -> tuple[str, ...]:
        """Returns the names of columns to learn from, beside others, that count the rows."""
        names = options.features(self.table)
        others = (options.target, options.split_by)
        found = [n for n in names if n not in others and self.summaries[n].counts_rows]
        return tuple(found) if len(names) > 1 else ()

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
            raise_all(self.table, self.unreadable)
        return self.kinds[name]


def read_contents(blocks: Blocks, options: TableOptions) -> tuple[Contents, TargetRows]:
    """Reads the table once: a summary of each column, the values that divide the rows, targets."""
    table, policy = blocks.table, policies(options.missing)
    features = options.features(table)
    whole = [name for name in (options.split_by, options.groups) if name is not None]
    summaries = {
        name: ColumnSummary(
            name,
            as_text=name in options.categorical,
            as_date=name in options.date_formats,
            date_format=options.date_formats.get(name),
            is_target=name == options.target,
            is_feature=name in features,
        )
        for name in dict.fromkeys([*features, options.target, *whole])
    }
    complete = [name for name in features if policy[name] == "drop"]
    complete += [options.target] if options.windows is None else []
    values: dict[str, list[RawColumn]] = {name: [] for name in whole}
    target = TargetRows(options)
    kept = []
    rows = 0
    for block in blocks.read(progress=True):
        for name, summary in summaries.items():
            summary.update(block.frame[name], block[name], block.start)
        for name in whole:
            values[name].append(block[name].compact())
        kept.append(block.complete(complete).copy())
        target.add(block[options.target], kept[-1])
        rows = block.start + len(block.frame)
    if not rows:
        raise _checks.InvalidArgument(
            table.argument, "hold rows", table.source, got=f"{table.source}, a header alone"
        )
    kinds, unreadable = {}, []
    for name, summary in summaries.items():
        try:
            kinds[name] = summary.kind(table)
        except _checks.InvalidArgument as error:
            unreadable.append(error)
    contents = Contents(
        table,
        rows,
        None if all(mask.all() for mask in kept) else np.concatenate(kept),
        summaries,
        {name: RawColumn.joined(columns) for name, columns in values.items()},
        kinds,
        unreadable,
    )
    return contents, target


def row_target(contents: Contents, rows: TargetRows, options: TableOptions) -> RowTarget:
    """Returns the target of the rows that are kept.

    Args:
        contents: What the first pass has found.
        rows: The targets that it has collected.
        options: The arguments.

    Raises:
        InvalidArgument: If the column lacks values or cannot be read, if they do not fit the task,
            or if no row is kept.
    """
    name, table = options.target, contents.table
    if name not in contents.kinds:
        raise_all(table, contents.unreadable)
    summary, kind = contents.summaries[name], contents.kinds[name]
    if summary.missing and not options.drop_missing_target:
        raise _checks.InvalidArgument(
            "target",
            "have a value in each row",
            name,
            "Drop those rows, with drop_missing_target=True. A text such as 'NA' that is a value "
            "is to be left out of `missing_values`.",
            got=f"{name!r}, which is missing in rows: {summary.describe_missing(table)}",
        )
    values, present = rows.joined(), contents.kept
    if values is not None and options.windows and summary.missing:
        present = ~values.missing
    if present is not None and not present.any():
        raise _checks.InvalidArgument(
            table.argument, "have a row without a missing value", table.source, got="none"
        )
    if values is None:
        rows.check_digits()
        return RowTarget(name, np.array([]), rows.task, None)
    if present is None:
        return RowTarget(name, *table_target(values, name, kind, options.task))
    found, task, classes = table_target(values.take(present), name, kind, options.task)
    y = np.zeros(contents.rows, found.dtype)
    y[present] = found
    return RowTarget(name, y, task, classes, present)


def raise_all(table: Table, problems: Sequence[_checks.InvalidArgument]) -> None:
    """Raises the one error that there is, or one with a line for each of several."""
    if len(problems) == 1:
        raise problems[0]
    if problems:
        lines = "".join(f"\n{problem}" for problem in problems)
        raise _checks.InvalidArgument(
            table.argument,
            "hold columns that can be learned from",
            [problem.value for problem in problems],
            got=f"{len(problems)} faults:{lines.removesuffix('.')}",
        )
