"""Blocks of a CSV file: whole rows as UTF-8, of bounded size."""

import codecs
import contextlib
import csv
import dataclasses
import io
import itertools
import pathlib
import re
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl

from kerasnn import _checks

_PIECE_BYTES = 1 << 16
_FRAME_ROWS = 1 << 15
_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
_EMPTY_LINES = re.compile(rb"\n(?:\r?\n)+")
_BLANK_LINES = re.compile(rb"\n(?: *\r?\n)+")


@dataclasses.dataclass(frozen=True)
class CsvFile:
    """A file of text, its encoding and its delimiter.

    Polars reads the rows. Where it cannot, or would read them otherwise than Python's csv module,
    that module does, from there to the end: blanks before quotes, lines that end in a carriage
    return alone, delimiters that are no byte, quotes within a cell. All wrong rows are among
    these, so that the csv module finds their line.

    Args:
        path: The file.
        delimiter: The character between two cells.
        encoding: As in `open`.
    """

    path: pathlib.Path
    delimiter: str
    encoding: str

    def rows(self) -> Generator[tuple[int, list[str]], None, None]:
        """Yields the line on which each row ends and its cells; the header is the first row."""
        yield from self._read_rows(self._chunks(_PIECE_BYTES), 0)

    def frames(
        self,
        names: tuple[str, ...],
        numeric: Collection[str],
        block_bytes: int,
        on_read: Callable[[int], None],
        *,
        keep_zeros: bool = False,
    ) -> Iterator[pl.DataFrame]:
        """Yields the rows below the header, as text where nothing else is said.

        Args:
            names: Names of the columns.
            numeric: Those to read as numbers, in which an empty cell is null. From the first block
                on that holds anything else in them, they are text as well.
            block_bytes: Bytes to read at a time. A row that is longer is left to the csv module.
            on_read: Receives the number of bytes of each part of the file that was read.
            keep_zeros: Whether numbers are text in blocks with one that has leading zeros.
        """
        text = dict.fromkeys(names, pl.String)
        schema = text | dict.fromkeys(numeric, pl.Float64)
        chunks = self._chunks(block_bytes, on_read)
        first = next(chunks)
        start, lines = self._below_header(first)
        header = done = len(first) - len(start)
        rest = b""
        for chunk in itertools.chain([start], chunks, [None]):
            block, rest = (rest, b"") if chunk is None else _cut(rest, chunk)
            has_zeros = keep_zeros and _has_leading_zeros(block, self.delimiter)
            kinds = text if has_zeros else schema
            frame = self._parse(block, kinds) if block or chunk is None else None
            if frame is None and kinds != text:
                schema = text
                frame = self._parse(block, schema) if block or chunk is None else None
            if frame is None:
                remaining = itertools.chain([block + rest], chunks)
                lines += self._line_ends(done) - self._line_ends(header)
                yield from self._slow_frames(remaining, lines, names)
                return
            done += len(block)
            if frame.height:
                yield frame

    def _chunks(
        self, size: int, on_read: Callable[[int], None] = lambda size: None
    ) -> Generator[bytes, None, None]:
        """Yields the file's text in UTF-8, without a byte-order mark; raises with the line."""
        name = codecs.lookup(self.encoding).name
        is_utf8 = name.startswith("utf-8")
        decoder = codecs.getincrementaldecoder(name)()
        done, within = 0, False
        with self.path.open("rb") as file:
            while True:
                piece = file.read(size)
                text = ""
                # UTF-8 needs no conversion, but a check.
                if within or not is_utf8 or not piece.isascii():
                    try:
                        text = decoder.decode(piece, final=not piece)
                    except UnicodeError as error:
                        raise self._decoding_fault(error, done) from None
                    within = bool(decoder.getstate()[0])
                if not piece and not text:
                    return
                if name == "utf-8-sig" and not done:
                    piece = piece.removeprefix(codecs.BOM_UTF8)
                chunk = piece if is_utf8 else text.encode()
                yield chunk
                done += len(chunk)
                on_read(len(piece))

    def _decoding_fault(self, error: UnicodeError, done: int) -> _checks.InvalidArgument:
        """Returns what is wrong in the piece after so many bytes of UTF-8."""
        reason, line = str(error), 1 + self._line_ends(done)
        if isinstance(error, UnicodeDecodeError):
            read = error.object[: error.start].decode(self.encoding, errors="ignore")
            line += read.count("\n")
            reason = f"{error.reason}: byte 0x{error.object[error.start]:02x}"
        return _checks.InvalidArgument(
            "encoding",
            "be that of the file's text",
            self.encoding,
            "Name the file's encoding, as in encoding='cp1252' for Excel on Windows.",
            got=f"{self.path}, line {line}: the text is not {self.encoding} ({reason})",
        )

    def _line_ends(self, size: int) -> int:
        """Returns the number of line ends in the first bytes of the text, in UTF-8."""
        found = 0
        with contextlib.closing(self._chunks(_PIECE_BYTES)) as chunks:
            while size > 0:
                chunk = next(chunks)
                found += chunk[:size].count(b"\n")
                size -= len(chunk)
        return found

    def _below_header(self, start: bytes) -> tuple[bytes, int]:
        """Returns the text below the header, and the number of the header's lines."""
        end = 0

        def lines() -> Iterator[str]:
            nonlocal end
            for match in _LINE.finditer(start):
                end = match.end()
                yield match[0].decode()

        reader = self._reader(lines())
        # Empty lines are no header.
        next(row for row in reader if row)
        return start[end:], reader.line_num

    def _parse(self, block: bytes, schema: Mapping[str, Any]) -> pl.DataFrame | None:
        """Returns rows if Polars reads them as the csv module does, in these types, else None."""
        delimiter = self.delimiter.encode()
        if len(delimiter) > 1 or delimiter == b" ":
            return None
        if b"\r" in block and block.count(b"\r") != block.count(b"\r\n"):
            return None
        if b'"' in block and not _is_well_quoted(block, delimiter):
            return None
        if block[:1] in b"\r\n" or block.endswith((b"\n\n", b"\n\r\n")):
            block = block.strip(b"\r\n")
        if not block:
            return pl.DataFrame(schema=schema)
        # Without a line end Polars would drop an empty cell too many.
        if not block.endswith(b"\n"):
            block += b"\n"
        try:
            frame = pl.read_csv(
                block,
                has_header=False,
                separator=self.delimiter,
                schema=schema,
                empty_string_is_null=False,
            )
        except pl.exceptions.PolarsError:
            return None
        # Polars fills up rows that are too short, and empty lines.
        last = frame.to_series(-1)
        if not last.null_count() and not (last.dtype == pl.String and (last == "").any()):
            return frame
        if len(schema) > 1 and block.count(delimiter) == _delimiters(frame, self.delimiter):
            return frame
        lines = _BLANK_LINES if len(schema) > 1 else _EMPTY_LINES
        without = block if b'"' in block else lines.sub(b"\n", block)
        return self._parse(without, schema) if len(without) < len(block) else None

    def _slow_frames(
        self, chunks: Iterator[bytes], line: int, names: tuple[str, ...]
    ) -> Iterator[pl.DataFrame]:
        rows = self._read_rows(chunks, line, len(names))
        schema = dict.fromkeys(names, pl.String)
        while some := list(itertools.islice(rows, _FRAME_ROWS)):
            for number, row in some:
                if len(row) != len(names):
                    raise _checks.InvalidArgument(
                        "path",
                        "have a cell for each column in all rows of the file",
                        str(self.path),
                        f"A cell that holds {self.delimiter!r} must stand in double quotes.",
                        got=f"{self.path}, line {number}: {len(row)} cells, where the header names "
                        f"{len(names)} columns",
                    )
            cells = [row for _, row in some]
            yield pl.DataFrame(cells, schema=schema, orient="row")

    def _read_rows(
        self, chunks: Iterator[bytes], line: int, width: int = 0
    ) -> Iterator[tuple[int, list[str]]]:
        """Yields rows by the csv module, and their lines, which follow the number `line`."""
        reader = self._reader(_lines(chunks))
        try:
            for row in reader:
                # A line of blanks is no row, unless there is one column only.
                is_blank = not row or (width > 1 and len(row) == 1 and not row[0].strip())
                if not is_blank:
                    width = width or len(row)
                    yield line + reader.line_num, row
        except csv.Error as error:
            place = f"{self.path}, line {line + reader.line_num}"
            raise _checks.InvalidArgument(
                "path", "be a CSV file", str(self.path), got=f"{place}: {error}"
            ) from None

    def _reader(self, lines: Iterator[str]):
        return csv.reader(lines, delimiter=self.delimiter, skipinitialspace=True, strict=True)


def _cut(rest: bytes, chunk: bytes) -> tuple[bytes, bytes]:
    """Returns the whole rows of a text in two parts, and what is left: a line end cuts it.

    It is the last one outside of quotes, up to which the number of quotes is even. If it is not,
    because a cell without quotes around it holds one, the rows end within quotes, which Polars
    refuses.
    """
    # The search for quotes is quicker than their count.
    if b'"' not in chunk and b'"' not in rest:
        end = chunk.rfind(b"\n") + 1
        if not end:
            return b"", rest + chunk
        return b"".join([rest, memoryview(chunk)[:end]]), chunk[end:]
    text = rest + chunk
    end = text.rfind(b"\n")
    odd = text.count(b'"', 0, end + 1) % 2
    while odd and end >= 0:
        quote = text.rfind(b'"', 0, end)
        end = text.rfind(b"\n", 0, quote)
        odd = (1 + text.count(b'"', end + 1, quote)) % 2 != odd
    return text[: end + 1], text[end + 1 :]


def _is_well_quoted(block: bytes, delimiter: bytes) -> bool:
    """Whether quotes stand around whole cells, and twice within them."""
    text = np.frombuffer(b"\n%b\n" % block, np.uint8)
    quotes = np.flatnonzero(text == ord('"'))
    opening, closing = quotes[::2], quotes[1::2]
    if len(opening) != len(closing):
        return False
    ends = np.zeros(256, bool)
    ends[[*delimiter, *b"\r\n"]] = True
    doubled = opening[1:] == closing[:-1] + 1
    starts_cell, ends_cell = ends[text[opening - 1]], ends[text[closing + 1]]
    starts_cell[1:] |= doubled
    ends_cell[:-1] |= doubled
    return bool(starts_cell.all() and ends_cell.all())


def _has_leading_zeros(block: bytes, delimiter: str) -> bool:
    """Whether a cell is of digits alone, and begins with 0 and another one."""
    text = np.frombuffer(b"\n%b\n" % block, np.uint8)
    marks = (*delimiter.encode(), *b'"\r\n')
    before, first, second = text[:-2], text[1:-1], text[2:]
    found = (first == ord("0")) & (second - ord("0") < 10)
    found &= np.logical_or.reduce([before == mark for mark in marks])
    ends = np.flatnonzero(found) + 2
    while len(ends):
        ends = ends[text[ends] - ord("0") < 10] + 1
        if np.isin(text[ends], marks).any():
            return True
    return False


def _lines(chunks: Iterator[bytes]) -> Iterator[str]:
    rest = b""
    for chunk in chunks:
        text = rest + chunk
        end = 1 + (text.rfind(b"\n") if b"\n" in text else text.rfind(b"\r"))
        rest = text[end:]
        yield from io.StringIO(text[:end].decode(), newline="")
    yield from io.StringIO(rest.decode(), newline="")


def _delimiters(frame: pl.DataFrame, delimiter: str) -> int:
    """Returns the number of delimiters between and within the cells of a frame."""
    texts = pl.col(pl.String)
    within = frame.select(texts.str.count_matches(delimiter, literal=True).sum())
    return frame.height * (frame.width - 1) + (sum(within.row(0)) if within.width else 0)
