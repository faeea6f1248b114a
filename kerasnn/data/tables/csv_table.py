"""Tables in CSV files: cells as numbers or texts, read in blocks; `columns.dates` reads dates."""

import collections
import contextlib
import dataclasses
import itertools
import math
import os
import pathlib
from collections.abc import Collection, Iterator, Sequence

import polars as pl

from kerasnn import _checks
from kerasnn._core.display.progress import Bar
from kerasnn.data.tables.csv_files.blocks import CsvFile
from kerasnn.data.tables.csv_files.file_kinds import check_kind
from kerasnn.data.tables.table import (
    LEADING_ZEROS,
    Table,
    are_small,
    categories,
    clean_text,
    may_be_missing,
    missing_numbers,
    missing_texts,
    numbers,
)

# A stream takes 70 MB with blocks of 2 MiB, and 250 MB with 16 MiB; larger ones are not quicker.
_BLOCK_BYTES = 1 << 21
# Rows that tell the types of the columns, as far as the others do not contradict.
_SAMPLE_ROWS = 250
_MEGABYTE = 10**6


@dataclasses.dataclass(frozen=True)
class _Types:
    """Columns of numbers; all others are names.

    Args:
        plain: Those whose cells are numbers of at most 2**53 or empty, which Polars reads at once.
        mixed: Those in which other texts stand for a missing value.
        digits: Those that are to be text although they hold numbers.
    """

    plain: tuple[str, ...]
    mixed: tuple[str, ...]
    digits: tuple[str, ...]

    def without_plain(self) -> "_Types":
        """Returns the types for a file whose first rows mislead."""
        return _Types((), (*self.plain, *self.mixed), self.digits)


class _MisledError(Exception):
    """A column that the first rows show as plain numbers holds others, or texts."""


class CsvTable(Table):
    """A CSV file with a header, read in blocks and again in each pass.

    Quoted cells may hold delimiters and line ends. Empty lines are ignored.

    Args:
        path: The file.
        delimiter: The character between two cells.
        encoding: As in `open`.
        missing_values: Cells that stand for a missing value; the empty cell always does.
        as_text: Columns that are text although they hold numbers.
        drop: Columns to leave out.
        verbose: As of `progress.Bar`.

    Raises:
        FileNotFoundError: If there is no such file.
        InvalidArgument: If the first bytes show another kind of file, such as gzip, Excel or
            Parquet, or another encoding; if the header is missing or repeats a name; and, while
            rows are read, with its line, for a row of another length, a broken quotation or text
            in another encoding.
    """

    argument = "path"

    def __init__(
        self,
        path: str | os.PathLike,
        *,
        delimiter: str = ",",
        encoding: str = "utf-8-sig",
        missing_values: Collection[str] = ("",),
        as_text: Collection[str] = (),
        drop: Collection[str] = (),
        verbose: int | str = "auto",
    ) -> None:
        if not isinstance(path, (str, os.PathLike)):
            raise _checks.InvalidArgument(
                "path",
                "be the path of a CSV file",
                path,
                "Frames are for `data.from_frame`. Make one of a dictionary of columns: "
                "`data.from_frame(polars.DataFrame(columns), ...)`.",
                got=f"a {type(path).__name__}",
            )
        path = pathlib.Path(path)
        if not path.is_file():
            kind = "is a folder" if path.is_dir() else "does not exist"
            raise FileNotFoundError(f"`path` must be a CSV file; {str(path)!r} {kind}.")
        if not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '"\r\n':
            raise _checks.InvalidArgument(
                "delimiter", "be one character, neither a quote nor a line end", delimiter
            )
        check_kind(path, encoding)
        self.path = path
        self.source = str(path)
        self._file = CsvFile(path, delimiter, encoding)
        with contextlib.closing(self._file.rows()) as rows:
            _, header = next(rows, (0, []))
        self.names = tuple(name.strip() for name in header)
        self._check_header()
        held = [other for other in ";\t|," if other != delimiter and other in header[0]]
        self.hint = (
            f"The first line is one cell that holds {held[0]!r}: give delimiter={held[0]!r}."
            if held
            else "The first line is one cell: if it is a comment, it has to go."
        )
        self._missing = missing_texts(missing_values)
        self._as_text = frozenset(as_text)
        self._drop = [name for name in self.names if name in drop]
        self._types: _Types | None = None
        # Name -> a cell.
        self._leading_zeros: dict[str, str] = {}
        self._verbose = verbose

    def frame(self) -> pl.DataFrame:
        """Returns all rows; the file is read once, or again where its first rows mislead."""
        types = self._sampled()
        try:
            return self._whole(types)
        except _MisledError:
            return self._whole(types.without_plain())

    def frames(self, *, progress: bool = False) -> Iterator[pl.DataFrame]:
        """Yields the rows in order; the first time a pass before finds the columns of numbers."""
        if self._types is None:
            types = self._sampled()
            try:
                self._types = self._confirmed(types)
            except _MisledError:
                self._types = self._confirmed(types.without_plain())
        for rows in self._blocks(self._types, progress=progress):
            yield self._typed(rows, self._types)

    def places(self, rows: Sequence[int]) -> str:
        """Returns the lines of rows, found by reading the file again: "line 3, 6"."""
        lines = {row: line for row, line, _ in self._rows(max(rows)) if row in set(rows)}
        return f"line {', '.join(str(lines[row]) for row in rows)}"

    def cell(self, name: str, row: int) -> str:
        """Returns a cell of the file, without blanks around it."""
        _, _, cells = collections.deque(self._rows(row), maxlen=1)[0]
        return cells[self.names.index(name)].strip()

    def leading_zeros(self, name: str) -> str:
        """Returns a number such as 01234, which the first pass has found."""
        return self._leading_zeros.get(name, "")

    def _rows(self, last: int) -> Iterator[tuple[int, int, list[str]]]:
        with contextlib.closing(self._file.rows()) as rows:
            below = itertools.islice(rows, 1, last + 2)
            for row, (line, cells) in enumerate(below):
                yield row, line, cells

    def _sampled(self) -> "_Types":
        """Returns the types of the columns, as far as the first rows tell."""
        with contextlib.closing(self._file.rows()) as rows:
            first = [cells for _, cells in itertools.islice(rows, 1, _SAMPLE_ROWS + 1)]
        # Rows of another length are refused later, with their line.
        first = [cells for cells in first if len(cells) == len(self.names)]
        texts = pl.DataFrame(first, dict.fromkeys(self.names, pl.String), orient="row")
        texts = texts.drop(self._drop)
        found = numbers(texts, texts.columns, self._missing)
        numeric = [name for name in found.columns if name not in self._as_text]
        plain = [n for n in numeric if found[n].null_count() == (texts[n] == "").sum()]
        plain = [name for name in plain if are_small(found.select(name))]
        return _Types(
            plain=tuple(plain),
            mixed=tuple(name for name in numeric if name not in plain),
            digits=tuple(name for name in found.columns if name in self._as_text),
        )

    def _confirmed(self, types: "_Types") -> "_Types":
        """Reads the file, and returns the types that all rows have."""
        mixed = list(types.mixed)
        for rows in self._blocks(types, progress=True, is_first=True):
            self._check_plain(rows, types)
            mixed = numbers(rows, mixed, self._missing).columns
        return dataclasses.replace(types, mixed=tuple(mixed))

    def _whole(self, types: "_Types") -> pl.DataFrame:
        """Returns all rows."""
        kept = [name for name in self.names if name not in self._drop]
        schema = {name: pl.Float64 if name in types.plain else pl.String for name in kept}
        blocks = self._blocks(types, progress=True, is_first=True)
        rows = pl.concat([pl.DataFrame(schema=schema), *blocks])
        self._check_plain(rows, types)
        return self._typed(rows, types)

    def _check_plain(self, rows: pl.DataFrame, types: "_Types") -> None:
        """Raises where plain numbers have to be looked at as texts."""
        plain = rows.select(types.plain)
        if may_be_missing(plain, missing_numbers(self._missing)) or not are_small(plain):
            raise _MisledError

    def _blocks(
        self, types: "_Types", *, progress: bool, is_first: bool = False
    ) -> Iterator[pl.DataFrame]:
        """Yields the rows, plain numbers as `pl.Float64` and all else as it is written.

        Args:
            types: The types of the columns.
            progress: Whether to show a progress bar.
            is_first: Whether to look for numbers with leading zeros.
        """
        size = self.path.stat().st_size / _MEGABYTE
        verbose = self._verbose if progress else 0
        with Bar("Reading the table", math.ceil(size), verbose, unit="MB") as bar:

            def read(count: int) -> None:
                bar.step(count / _MEGABYTE)

            blocks = self._file.frames(
                self.names, types.plain, _BLOCK_BYTES, read, keep_zeros=is_first
            )
            for block in blocks:
                rows = block.drop(self._drop) if self._drop else block
                if is_first:
                    self._note_leading_zeros(rows, types)
                written = [name for name in types.plain if rows.schema[name] == pl.String]
                if written:
                    values = numbers(rows, written, self._missing)
                    if values.width < len(written):
                        raise _MisledError
                    rows = rows.with_columns(values.get_columns())
                yield rows

    def _note_leading_zeros(self, rows: pl.DataFrame, types: "_Types") -> None:
        for name in (*types.plain, *types.mixed, *types.digits):
            if rows.schema[name] == pl.String and name not in self._leading_zeros:
                found = rows[name].filter(rows[name].str.contains(LEADING_ZEROS))
                if len(found):
                    self._leading_zeros[name] = found[0].strip()

    def _typed(self, rows: pl.DataFrame, types: "_Types") -> pl.DataFrame:
        """Returns rows with numbers, and with names without blanks around them."""
        values = numbers(rows, types.mixed, self._missing)
        digits = clean_text(rows, types.digits, self._missing)
        done = (*values.columns, *digits.columns)
        names = [
            categories(column, self._missing)
            for column in rows
            if column.dtype == pl.String and column.name not in done
        ]
        return rows.with_columns(*values.get_columns(), *digits.get_columns(), *names)

    def _check_header(self) -> None:
        if not self.names:
            raise _checks.InvalidArgument(
                "path",
                "name the columns in the file's first line",
                self.source,
                got=f"{self.source}, which is empty",
            )
        for position, name in enumerate(self.names, start=1):
            if not name:
                raise _checks.InvalidArgument(
                    "path",
                    "name the columns in the file's first line",
                    name,
                    "If it is the index that pandas wrote, write the file with index=False.",
                    got=f"{self.source}, line 1: column {position} has no name",
                )
            if self.names.count(name) > 1:
                raise _checks.InvalidArgument(
                    "path",
                    "have columns of different names",
                    name,
                    got=f"{self.source}, line 1: two columns are called {name!r}",
                )
