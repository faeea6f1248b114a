"""Arguments that `from_csv` and `from_frame` share."""

import dataclasses
from collections.abc import Mapping, Sequence

from kerasnn import _checks
from kerasnn.data.rows.partition import check_partition
from kerasnn.data.tables.columns.dates import DateFormat
from kerasnn.data.tables.columns.missing import policies
from kerasnn.data.tables.table import Table
from kerasnn.tasks import Task


@dataclasses.dataclass(frozen=True, kw_only=True)
class TableOptions:
    """The arguments, as `from_csv` documents them."""

    target: str
    test_size: float
    seed: int
    missing: str | Mapping[str | None, str]
    missing_values: Sequence[str]
    task: Task | str | None
    categorical: Sequence[str]
    dates: Mapping[str, str] | None
    drop: Sequence[str]
    embed_above: int | None
    split_by: str | None
    groups: str | None
    windows: int | None
    drop_missing_target: bool
    in_memory: bool
    batch_size: int

    def __post_init__(self) -> None:
        """Raises unless the arguments are valid, whatever the table holds."""
        if not isinstance(self.target, str):
            raise _checks.InvalidArgument("target", "be the name of a column, a text", self.target)
        check_partition(self.test_size, self.seed)
        policies(self.missing)
        _checks.integer("batch_size", self.batch_size)
        _checks.boolean("drop_missing_target", self.drop_missing_target)
        _checks.boolean("in_memory", self.in_memory)
        if self.embed_above is not None:
            _checks.integer("embed_above", self.embed_above)
        for argument in ("categorical", "drop"):
            names = getattr(self, argument)
            if isinstance(names, str):
                raise _checks.InvalidArgument(
                    argument, "be a sequence of names", names, f"Write ({names!r},)."
                )
        is_text = isinstance(self.missing_values, str)
        if is_text or not all(isinstance(value, str) for value in self.missing_values):
            raise _checks.InvalidArgument(
                "missing_values",
                "be a sequence of strings",
                self.missing_values,
                'For the empty cell alone give ("",).',
            )
        if not isinstance(self.dates or {}, Mapping):
            raise _checks.InvalidArgument("dates", "be a dictionary: name -> format", self.dates)
        self._check_split()

    def _check_split(self) -> None:
        if self.windows is None:
            if self.groups is not None and self.split_by is not None:
                raise _checks.InvalidArgument(
                    "groups",
                    "be None beside `split_by`, unless `windows` is given",
                    self.groups,
                    "Choose whether the test part holds other groups or later rows.",
                )
            return
        _checks.integer("windows", self.windows)
        if not self.in_memory:
            raise _checks.InvalidArgument(
                "in_memory", "be True with `windows`, whose rows overlap", self.in_memory
            )
        if "drop" in (
            self.missing.values() if isinstance(self.missing, Mapping) else [self.missing]
        ):
            raise _checks.InvalidArgument(
                "missing",
                "not be 'drop' with `windows`, whose steps follow each other",
                self.missing,
                "Fill in what is missing: 'mean' or 'indicator'.",
            )

    @property
    def date_formats(self) -> Mapping[str, str]:
        """Formats of dates by column."""
        return self.dates or {}

    @property
    def as_text(self) -> tuple[str, ...]:
        """Names of columns that a table must not convert to numbers."""
        # Numbers of many digits may be names of classes.
        return (*self.categorical, *self.date_formats, self.target)

    @property
    def ignored(self) -> list[str]:
        """Names of columns that a table need not hold."""
        return [name for name in self.drop if name not in (self.split_by, self.groups)]

    def features(self, table: Table) -> list[str]:
        """Returns the names of the columns to learn from; with `windows` the target is the last."""
        ignored = (*self.drop, self.target, self.groups)
        names = [name for name in table.names if name not in ignored]
        return names if self.windows is None else [*names, self.target]

    def check_names(self, table: Table) -> None:
        """Raises unless the arguments name columns of the table."""
        for argument, names in (
            ("target", [self.target]),
            ("categorical", self.categorical),
            ("dates", list(self.date_formats)),
            ("drop", self.drop),
            ("split_by", [self.split_by]),
            ("groups", [self.groups]),
            ("missing", list(self.missing) if isinstance(self.missing, Mapping) else []),
        ):
            for name in names:
                if name not in table.names and name is not None:
                    hint = _checks.did_you_mean(name, table.names)
                    if len(table.names) == 1:
                        hint = table.hint or hint
                    raise _checks.InvalidArgument(
                        argument,
                        f"name a column of {table.source}: {', '.join(map(repr, table.names))}",
                        name,
                        hint,
                    )
        for date_format in self.date_formats.values():
            DateFormat.parse(date_format)
        if self.target in self.drop:
            raise _checks.InvalidArgument(
                "drop", f"not contain the target {self.target!r}", self.drop
            )
        for argument in ("split_by", "groups"):
            if self.target == getattr(self, argument):
                raise _checks.InvalidArgument(
                    argument, "name another column than the target", self.target
                )
        if not self.features(table):
            raise _checks.InvalidArgument(
                table.argument,
                f"have a column besides the target {self.target!r} to learn from",
                table.source,
                got="none",
            )
