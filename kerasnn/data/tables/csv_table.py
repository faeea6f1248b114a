"""Tables in CSV files."""

import collections
import contextlib
import itertools
import os
import pathlib
from collections.abc import Collection, Iterator, Sequence

import polars as pl

from kerasnn import _checks
from kerasnn.data.tables._csv_blocks import CsvFile
from kerasnn.data.tables._file_kinds import check_kind
from kerasnn.data.tables._reading_bar import ReadingBar
from kerasnn.data.tables.table import (
    Table,
    clean_text,
    missing_texts,
    numbers,
    numeric_columns,
)

# A stream takes 70 MB with blocks of 2 MiB, and 250 MB with 16 MiB; 4 MiB are read quickest.
_STREAM_BYTES = 1 << 21
_MEMORY_BYTES = 1 << 22


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

    Raises:
        FileNotFoundError: If there is no such file.
        InvalidArgument: If the first bytes show another kind of file, such as gzip, Excel or
            Parquet, or another encoding.
        ValueError: If the header is missing or repeats a name; and, while rows are read, with
            its line, for a row of another length, a broken quotation or text in another encoding.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        *,
        delimiter: str = ",",
        encoding: str = "utf-8-sig",
        missing_values: Collection[str] = ("",),
        as_text: Collection[str] = (),
        drop: Collection[str] = (),
    ) -> None:
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
        self._missing = missing_texts(missing_values)
        self._as_text = frozenset(as_text)
        self._drop = [name for name in self.names if name in drop]
        self._numeric: list[str] | None = None

    def frame(self) -> pl.DataFrame:
        """Returns all rows; the file is read once."""
        texts = pl.concat([self._empty(), *self._texts(_MEMORY_BYTES, progress=True)])
        values = self._numbers(texts, self._candidates(texts))
        self._numeric = values.columns
        return self._typed(texts, values)

    def frames(self, *, progress: bool = False) -> Iterator[pl.DataFrame]:
        """Yields the rows in order; the first time a pass before finds the columns of numbers."""
        if self._numeric is None:
            numeric = None
            for texts in self._texts(_STREAM_BYTES, progress=True):
                numeric = self._candidates(texts) if numeric is None else numeric
                numeric = self._numbers(texts, numeric).columns
            self._numeric = numeric or []
        for texts in self._texts(_STREAM_BYTES, progress=progress):
            yield self._typed(texts, self._numbers(texts, self._numeric))

    def places(self, rows: Sequence[int]) -> str:
        """Returns the lines of rows, found by reading the file again: "line 3, 6"."""
        lines = {row: line for row, line, _ in self._rows(max(rows)) if row in set(rows)}
        return f"line {', '.join(str(lines[row]) for row in rows)}"

    def cell(self, name: str, row: int) -> str:
        """Returns a cell of the file, without blanks around it."""
        _, _, cells = collections.deque(self._rows(row), maxlen=1)[0]
        return cells[self.names.index(name)].strip()

    def _rows(self, last: int) -> Iterator[tuple[int, int, list[str]]]:
        with contextlib.closing(self._file.rows()) as rows:
            below = itertools.islice(rows, 1, last + 2)
            for row, (line, cells) in enumerate(below):
                yield row, line, cells

    def _empty(self) -> pl.DataFrame:
        kept = [name for name in self.names if name not in self._drop]
        return pl.DataFrame(schema=dict.fromkeys(kept, pl.String))

    def _texts(self, block_bytes: int, *, progress: bool) -> Iterator[pl.DataFrame]:
        with ReadingBar(self.path.stat().st_size, shown=progress) as bar:
            for texts in self._file.frames(self.names, block_bytes, bar.add):
                yield texts.drop(self._drop)

    def _candidates(self, texts: pl.DataFrame) -> list[str]:
        names = [name for name in texts.columns if name not in self._as_text]
        return numeric_columns(texts, names, self._missing)

    def _numbers(self, texts: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
        return numbers(texts, columns, self._missing)

    def _typed(self, texts: pl.DataFrame, values: pl.DataFrame) -> pl.DataFrame:
        text = [name for name in texts.columns if name not in values.columns]
        cleaned = clean_text(texts, text, self._missing)
        return texts.with_columns(cleaned.get_columns() + values.get_columns())

    def _check_header(self) -> None:
        if not self.names:
            raise ValueError(f"{self.source} is empty. Its first line must name the columns.")
        for position, name in enumerate(self.names, start=1):
            if not name:
                raise ValueError(
                    f"{self.source}, line 1: column {position} has no name. If it is the index "
                    "that pandas wrote, write the file with index=False."
                )
            if self.names.count(name) > 1:
                raise ValueError(f"{self.source}, line 1: two columns are called {name!r}.")
