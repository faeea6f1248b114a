"""A table to learn from: what is read, left out and filled, and the rows of the folds."""

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl
from sklearn.model_selection import GroupKFold, KFold, TimeSeriesSplit

from kerasnn import _checks, report, training
from kerasnn._core.display.blocks import shown
from kerasnn._core.raw_rows import MISSING_VALUES
from kerasnn.cli.errors_in_flags import flags_of, in_flags
from kerasnn.cli.training import rivals
from kerasnn.cli.training.left_out import left_out
from kerasnn.cli.training.networks import choice
from kerasnn.cli.training.networks.rows import Rows, stratified
from kerasnn.cli.training.networks.trained import Settings, Trained
from kerasnn.cli.training.options import Options
from kerasnn.cli.training.problem import Contestant, Fold, Problem
from kerasnn.cli.training.scores import aligned
from kerasnn.data.split import Split
from kerasnn.data.tables.columns import (
    BooleanColumn,
    CategoryColumn,
    Column,
    DateColumn,
    NumberColumn,
)
from kerasnn.data.tables.columns.raw import RawColumn
from kerasnn.data.tables.csv_table import CsvTable
from kerasnn.data.tables.encoder import Encoder, encode, learned_anew
from kerasnn.data.tables.split_table import split_table
from kerasnn.data.tables.table_options import TableOptions
from kerasnn.data.tables.table_warnings import table_warnings
from kerasnn.report.sections import columns
from kerasnn.tasks import Task

_MOST_EXAMPLES = 3
_WIDEST = 60
# A target of more different integers is a number rather than a class.
_FEW_INTEGERS = 20
# Rows that are predicted at once.
_BATCH = 8192


@dataclasses.dataclass(frozen=True, kw_only=True)
class Table(Problem):
    """A table, read.

    Args:
        split: Training part and test part.
        left_out: Name of a column that is left out -> the reason.
        notes: Sentences about the rows.
        network: Name of the network to train.
        compared: Names of the networks to compare, that one first.
        options: Arguments of the command.
    """

    split: Split
    left_out: Mapping[str, str]
    notes: tuple[str, ...]
    network: str
    compared: tuple[str, ...]
    options: Options

    @property
    def ordered(self) -> bool:
        """Whether the rows are in the order of time."""
        return self.options.split_by is not None or self.options.windows is not None

    def training_rows(self) -> Rows:
        """Returns the training part."""
        split = self.split
        return Rows(
            x=split.x_train,
            y=split.y_train,
            task=split.task,
            outputs=split.outputs,
            embeddings=split.embeddings,
            groups=split.groups_train,
            ordered=self.ordered,
        )

    def folds(self, count: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Returns the indices of training rows and test rows of each fold, of the training part.

        Where the smallest class has fewer rows than `count`, there are as many folds as it has
        rows. Groups stay together. In order of time, a fold is tested on rows after those that it
        learns from.
        """
        rows = self.training_rows()
        state = seed % 2**32
        self._check_folds(rows, count)
        if self.ordered:
            splitter: Any = TimeSeriesSplit(count)
        elif rows.groups is not None:
            splitter = GroupKFold(count, shuffle=True, random_state=state)
        elif rows.task.is_classification:
            splitter = stratified(rows.y, count, seed)
        else:
            splitter = KFold(count, shuffle=True, random_state=state)
        return list(splitter.split(rows.x, rows.y, rows.groups))

    def _check_folds(self, rows: Rows, count: int) -> None:
        if self.ordered:
            # The first part is only learned from.
            most, what = len(rows.x) - 1, "rows after the first"
        elif rows.groups is not None:
            most, what = len(set(rows.groups.tolist())), f"groups of {self.options.groups!r}"
        else:
            most, what = len(rows.x), "rows"
        if count > most:
            raise _checks.InvalidArgument(
                "--folds",
                f"be at most {most}, since the training part has {most} {what}",
                count,
                "Give 0 for no comparison.",
            )

    def fold(self, train: np.ndarray, test: np.ndarray) -> Fold:
        """Returns a fold, encoded anew: categories, means and first dates are those of `train`."""
        encoder = learned_anew(self.split.encoder, self._raw, train)
        x = encode(encoder, self._raw)
        rows = dataclasses.replace(
            self.training_rows(),
            x=x[train],
            y=self.split.y_train[train],
            groups=None if self.split.groups_train is None else self.split.groups_train[train],
            embeddings=encoder.embeddings,
        )
        return Fold(rows, x[test])

    @functools.cached_property
    def _raw(self) -> dict[str, RawColumn]:
        """The raw columns of the training part, as encoders take them."""
        learned = self.split.encoder.columns
        return {c.name: RawColumn.of_array(self.split.raw_train[c.name]) for c in learned}

    def contestants(self, settings: Settings) -> dict[str, Contestant]:
        """Returns networks and models of scikit-learn."""

        def network(name: str) -> Contestant:
            # A search has found settings of one network.
            own = settings if name == self.network else Settings(epochs=settings.epochs)

            def predict(fold: Fold, seed: int) -> np.ndarray:
                model = choice.TRAIN[name](fold.rows, own, seed=seed).model
                return training.predict(model, fold.x_test, batch_size=_BATCH, verbose=0)

            return predict

        def other(rival: rivals.Rival) -> Contestant:
            return lambda fold, seed: rivals.predict(
                rival(seed % 2**32, len(fold.rows.x)), fold.rows, fold.x_test, seed
            )

        others = rivals.rivals(self.split.task)
        return {
            **{name: network(name) for name in self.compared},
            **{name: other(rival) for name, rival in others.items()},
        }

    def train(self, settings: Settings, *, seed: int, verbose: int) -> Trained:
        """Returns a network that has learned from the training part."""
        train = choice.TRAIN[self.network]
        return train(self.training_rows(), settings, seed=seed, verbose=verbose)

    @property
    def columns(self) -> tuple[report.Column, ...]:
        """Returns what the columns are taken for."""
        return columns.described(self.split)

    @property
    def examples(self) -> None:
        """The encoder has its own."""
        return None

    def described(self) -> str:
        """Returns what each column is taken for, as a table."""
        encoder = self.split.encoder
        head = ["column", "is taken for", "missing", "examples"]
        lines = [
            [_short(column.name), _kind(column), _missing(column), _examples(encoder, column)]
            for column in encoder.columns
        ]
        return aligned([head, *lines])


def _refuse_flags_of_images(options: Options) -> None:
    defaults = {f.name: f.default for f in dataclasses.fields(Options)}
    names = ("backbone", "weights", "image_size", "color_mode", "resize", "classes", "errors")
    for name in names:
        value = getattr(options, name)
        if value != defaults[name]:
            flag = f"--{name.replace('_', '-')}"
            raise _checks.InvalidArgument(flag, "be left out for a table", value)
    if options.compare is not None and not options.folds:
        rule = "be left out with --folds 0, which compares nothing"
        raise _checks.InvalidArgument("--compare", rule, options.compare)


def read(options: Options) -> Table:
    """Reads a CSV file, without the columns that cannot be learned from.

    Raises:
        InvalidArgument: If an argument does not fit the table, or the file, a column or the target
            cannot be read.
    """
    if not options.data.exists():
        raise _checks.InvalidArgument(
            "DATA",
            "be a CSV file, or a folder of images",
            str(options.data),
            got=f"{options.data}, which does not exist",
        )
    if options.target is None:
        raise _checks.InvalidArgument("--target", "name the column to predict", None, got="none")
    _refuse_flags_of_images(options)
    arguments = TableOptions(
        target=options.target,
        test_size=options.test_size,
        seed=options.seed,
        missing=options.missing,
        missing_values=options.missing_values or MISSING_VALUES,
        task=options.task,
        categorical=options.categorical,
        dates=options.dates,
        drop=options.ignore,
        embed_above=options.embed_above,
        split_by=options.split_by,
        groups=options.groups,
        windows=options.windows,
        drop_missing_target=True,
        in_memory=True,
        batch_size=32,
    )
    table = CsvTable(
        options.data,
        delimiter=options.delimiter,
        encoding=options.encoding,
        missing_values=arguments.missing_values,
        as_text=arguments.as_text,
        verbose=0 if options.quiet else "auto",
    )
    arguments.check_names(table)
    for name in options.keep:
        if name not in table.names:
            hint = _checks.did_you_mean(name, table.names)
            raise _checks.InvalidArgument("--keep", "name columns of the table", name, hint)
    frame = table.frame()
    reasons, texts = left_out(table, frame, arguments)
    reasons = {name: reason for name, reason in reasons.items() if name not in options.keep}
    inferred, note = _inferred_task(frame[options.target], options)
    narrowed = dataclasses.replace(
        arguments,
        task=inferred,
        drop=(*options.ignore, *reasons),
        # Texts that were kept are categories, also where the training part alone looks otherwise.
        categorical=(*options.categorical, *texts, *_kept_texts(frame, options)),
    )
    if not narrowed.features(table):
        listed = "; ".join(f"{name!r}: {reason}" for name, reason in reasons.items())
        raise _checks.InvalidArgument(
            "DATA",
            f"have a column to learn from besides {options.target!r}",
            str(options.data),
            "Keep a column with --keep.",
            got=f"{options.data}, of which are left out {listed}",
        )
    split = split_table(table, narrowed, frame=frame, warn=False)
    flags = flags_of(("categorical", "dates"))
    doubts = [in_flags(text, flags) for text in table_warnings(split, table, arguments)]
    networks = choice.compared(split.x_train, options)
    return Table(
        split=split,
        network=networks[0],
        compared=networks,
        left_out=reasons,
        notes=(*note, *_notes(split, len(frame), options), *doubts),
        options=options,
    )


def _inferred_task(values: pl.Series, options: Options) -> tuple[str | None, tuple[str, ...]]:
    """Returns the task of the target, or None where `tasks.infer` knows it, and a note on it.

    Many different integers, which may be amounts, counts or names, are taken as amounts.
    """
    if options.task is not None or values.name in options.categorical:
        return options.task, ()
    distinct = values.drop_nulls().unique()
    numbers = distinct.cast(pl.String).cast(pl.Float64, strict=False)
    if numbers.null_count() or len(numbers) <= _FEW_INTEGERS or (numbers != numbers.floor()).any():
        return None, ()
    if numbers.min() == 0 and numbers.max() == len(numbers) - 1:
        return None, ()
    note = (
        f"{values.name!r} holds {len(distinct)} different integers, which are predicted as "
        f"numbers. If they are counts, give --task count; if names, --categorical {values.name}."
    )
    return Task.REGRESSION, (note,)


def _notes(split: Split, rows: int, options: Options) -> tuple[str, ...]:
    if not split.rows_left_out or options.windows is not None:
        return ()
    return (f"{split.rows_left_out} of {rows} rows have no {options.target!r} and are left out.",)


def _kept_texts(frame: pl.DataFrame, options: Options) -> Iterator[str]:
    for name in options.keep:
        if frame[name].dtype in (pl.String, pl.Enum):
            yield name


def _kind(column: Column) -> str:
    if isinstance(column, NumberColumn):
        return f"number, {shown(column.minimum)} to {shown(column.maximum)}"
    if isinstance(column, CategoryColumn):
        how = ", embedded" if column.embedded else ""
        return f"category of {len(column.categories)}{how}"
    if isinstance(column, DateColumn):
        return f"date, from {column.first}"
    return f"boolean, {column.mean:.0%} true" if isinstance(column, BooleanColumn) else column.kind


def _missing(column: Column) -> str:
    """Returns how many training rows lack a value, and what they get instead."""
    return f"{column.missing_rows}: {column.replacement}" if column.missing_rows else "-"


def _examples(encoder: Encoder, column: Column) -> str:
    values = encoder.examples[column.name].reshape(-1)
    texts = [shown(v) if column.kind == "number" else str(v) for v in values.tolist()]
    texts = [text for text in texts if text not in ("", "nan")]
    return _short(", ".join(dict.fromkeys(texts[: 2 * _MOST_EXAMPLES][:_MOST_EXAMPLES])))


def _short(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 3]}..."
