"""A CSV file as checked blocks of text rows."""

import contextlib
import csv
import dataclasses
import itertools
import pathlib
from collections.abc import Generator, Iterator

from kerasnn import _checks

_BLOCK_ROWS = 1024


@dataclasses.dataclass(frozen=True)
class Block:
    """Some rows of a file.

    Args:
        start: Number of the first row, counted from 0 without the header.
        lines: Line of the file on which each row ends.
        rows: The cells of each row, without surrounding blanks.
    """

    start: int
    lines: list[int]
    rows: list[list[str]]


class CsvTable:
    """A CSV file with a header, read anew and in blocks each time.

    Python's csv module reads it: quoted cells may hold delimiters and line ends. Empty lines
    are passed over.

    Args:
        path: The file.
        delimiter: The character between two cells.
        encoding: As in `open`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file has no header or a name twice in it, and, as blocks are read, for
            a row of another length, a broken quotation or text in another encoding, with its line.
    """

    def __init__(self, path: pathlib.Path, *, delimiter: str, encoding: str) -> None:
        if not path.is_file():
            kind = "is a folder" if path.is_dir() else "does not exist"
            raise FileNotFoundError(f"`path` must name a CSV file; {str(path)!r} {kind}.")
        if not isinstance(delimiter, str) or len(delimiter) != 1:
            raise _checks.wrong("delimiter", "be one character", delimiter)
        self.path = path
        self.delimiter = delimiter
        self.encoding = encoding
        with contextlib.closing(self._rows()) as rows:
            _, self.columns = next(rows, (0, []))
        self._check_header()

    def blocks(self) -> Iterator[Block]:
        """Yields all rows under the header, in the order of the file."""
        with contextlib.closing(self._rows()) as rows:
            next(rows)
            for start in itertools.count(0, _BLOCK_ROWS):
                block = list(itertools.islice(rows, _BLOCK_ROWS))
                if not block:
                    return
                for line, row in block:
                    if len(row) != len(self.columns):
                        raise ValueError(
                            f"{self.path}, line {line}: {len(row)} cells, where the header names "
                            f"{len(self.columns)} columns. A cell that holds {self.delimiter!r} "
                            "must stand in double quotes."
                        )
                yield Block(start, [line for line, _ in block], [row for _, row in block])

    def _rows(self) -> Generator[tuple[int, list[str]], None, None]:
        line = 0
        with open(self.path, encoding=self.encoding, newline="") as file:
            reader = csv.reader(file, delimiter=self.delimiter, skipinitialspace=True, strict=True)
            try:
                for row in reader:
                    line = reader.line_num
                    if row:
                        yield line, list(map(str.strip, row))
            except csv.Error as error:
                raise ValueError(f"{self.path}, line {reader.line_num}: {error}.") from None
            except UnicodeError as error:
                raise ValueError(
                    f"{self.path}, after line {line}: the text is not {self.encoding} ({error}). "
                    "Name the file's encoding, as in encoding='cp1252' for Excel on Windows."
                ) from None

    def _check_header(self) -> None:
        if not self.columns:
            raise ValueError(f"{self.path} is empty. Its first line must name the columns.")
        for position, name in enumerate(self.columns, start=1):
            if not name:
                raise ValueError(
                    f"{self.path}, line 1: column {position} has no name. If it is the index that "
                    "pandas wrote, write the file with index=False."
                )
            if self.columns.count(name) > 1:
                raise ValueError(f"{self.path}, line 1: two columns are called {name!r}.")
