"""Reader of CSV files: blocks of rows of text, checked."""

import codecs
import contextlib
import csv
import dataclasses
import itertools
import pathlib
from collections.abc import Generator, Iterator

from kerasnn import _checks

_BLOCK_ROWS = 1024
_PANDAS = "Read it with pandas, and write it with `to_csv(path, index=False)`."
# First bytes of other kinds of files, their kind, and a hint.
_KINDS = (
    (b"\x1f\x8b", "a gzip file", "Unpack it."),
    (b"PK\x03\x04", "a ZIP archive, as Excel's .xlsx is", f"Unpack it. A workbook: {_PANDAS}"),
    (b"BZh", "a bzip2 file", "Unpack it."),
    (b"\xfd7zXZ", "an xz file", "Unpack it."),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file", "Unpack it."),
    (b"7z\xbc\xaf", "a 7z archive", "Unpack it."),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook", _PANDAS),
    (b"PAR1", "a Parquet file", _PANDAS),
    (b"ARROW1", "a Feather file", _PANDAS),
    (b"FEA1", "a Feather file", _PANDAS),
    (b"ORC", "an ORC file", _PANDAS),
    (b"\x89HDF", "an HDF5 file", _PANDAS),
    (b"SQLite format 3", "an SQLite database", _PANDAS),
    (b"\x93NUMPY", "an array of NumPy's", "Load it with `numpy.load`, and give it to `fit`."),
    (b"\x80\x04", "a pickle", _PANDAS),
    (b"\x80\x05", "a pickle", _PANDAS),
    (b"%PDF", "a PDF", "Save its table as CSV."),
)
# Longer ones first: UTF-32's begins with UTF-16's.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclasses.dataclass(frozen=True)
class Block:
    """Some rows of a file.

    Args:
        start: Index of the first row, from 0, without the header.
        lines: Line of the file on which each row ends.
        rows: Cells of each row, without blanks around them.
    """

    start: int
    lines: list[int]
    rows: list[list[str]]


class CsvTable:
    """A CSV file with a header, read in blocks and again in each pass.

    Python's csv module reads it: quoted cells may hold delimiters and line ends. Empty lines
    are ignored.

    Args:
        path: The file.
        delimiter: The character between two cells.
        encoding: As in `open`.

    Raises:
        FileNotFoundError: If there is no such file.
        InvalidArgument: If the first bytes show another kind of file, such as gzip, Excel or
            Parquet, or another encoding.
        ValueError: If the header is missing or repeats a name; and, while blocks are read, with
            its line, for a row of another length, a broken quotation or text in another encoding.
    """

    def __init__(self, path: pathlib.Path, *, delimiter: str, encoding: str) -> None:
        if not path.is_file():
            kind = "is a folder" if path.is_dir() else "does not exist"
            raise FileNotFoundError(f"`path` must be a CSV file; {str(path)!r} {kind}.")
        if not isinstance(delimiter, str) or len(delimiter) != 1:
            raise _checks.InvalidArgument("delimiter", "be one character", delimiter)
        _check_kind(path, encoding)
        self.path = path
        self.delimiter = delimiter
        self.encoding = encoding
        with contextlib.closing(self._rows()) as rows:
            _, self.columns = next(rows, (0, []))
        self._check_header()

    def blocks(self) -> Iterator[Block]:
        """Yields all rows below the header, in the order of the file."""
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


def _check_kind(path: pathlib.Path, encoding: str) -> None:
    """Raises unless the first bytes of a file are text in its encoding."""
    try:
        name = codecs.lookup(encoding).name
    except (LookupError, TypeError):
        raise _checks.InvalidArgument(
            "encoding", "be an encoding that Python knows", encoding, "For example 'utf-8'."
        ) from None
    with path.open("rb") as file:
        start = file.read(1024)
    for magic, kind, hint in _KINDS:
        # Text may begin with the same letters, but has no control characters.
        if start.startswith(magic) and not (magic.isascii() and _is_text(start)):
            raise _checks.InvalidArgument(
                "path", "be a CSV file", str(path), hint, got=f"{str(path)!r}, {kind}"
            )
    if name.startswith(("utf-16", "utf-32")):
        return
    marked = next((right for mark, right in _BYTE_ORDER_MARKS if start.startswith(mark)), None)
    if marked or b"\0" in start:
        right = marked or "utf-16-le"
        raise _checks.InvalidArgument(
            "encoding",
            f"be that of the text in {str(path)!r}",
            encoding,
            f"Try encoding={right!r}, which Excel calls Unicode text.",
        )


def _is_text(start: bytes) -> bool:
    return not any(byte < 32 and byte not in b"\t\n\r" for byte in start)
