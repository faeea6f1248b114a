"""Recognition of files that are no CSV files by their first bytes."""

import codecs
import pathlib

from kerasnn import _checks

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
    (b"\x89PNG", "a PNG image", "Read images with `kerasnn.data.from_directory`."),
    (b"\xff\xd8\xff", "a JPEG image", "Read images with `kerasnn.data.from_directory`."),
    (b"GIF8", "a GIF image", "Read images with `kerasnn.data.from_directory`."),
    (b"%PDF", "a PDF", "Save its table as CSV."),
)
# Longer ones first: UTF-32's begins with UTF-16's.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def check_kind(path: pathlib.Path, encoding: str) -> None:
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
        right = marked or _of_two_bytes(start)
        if right is None:
            raise _checks.InvalidArgument(
                "path",
                "be a CSV file",
                str(path),
                "Text holds no zero bytes: remove them, or read the file as what it is.",
                got=f"{str(path)!r}, which holds zero bytes and is no text",
            )
        raise _checks.InvalidArgument(
            "encoding",
            f"be that of the text in {str(path)!r}",
            encoding,
            f"Try encoding={right!r}, which Excel calls Unicode text.",
        )


def _of_two_bytes(start: bytes) -> str | None:
    """Returns the encoding of text without a mark whose characters have two bytes, if it is one."""
    for first, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros = start[first::2].count(0)
        # Of Western text nearly each second byte is zero, and no other is.
        if zeros > len(start) // 4 and not start[1 - first :: 2].count(0):
            return name
    return None


def _is_text(start: bytes) -> bool:
    return not any(byte < 32 and byte not in b"\t\n\r" for byte in start)
