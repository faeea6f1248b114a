"""One file of plain data, with a checksum over every byte."""

import hashlib
import pathlib
import zipfile
from typing import IO, Any

import numpy as np

from kerasnn.callbacks.resume.serialization import Frozen

_DOCUMENT = "state.json"
_MARK = b"sha256:"
_CHECKSUM_BYTES = len(_MARK) + 64
_CHUNK_BYTES = 1 << 20
# How a zip begins, and where the name of its first member stands.
_ZIP, _NAME_AT = b"PK\x03\x04", 30


class DamagedFileError(ValueError):
    """Says that a file does not hold what was written to it."""


class ForeignFileError(ValueError):
    """Says that a file was never written by `write`."""


def write(path: pathlib.Path, state: Frozen) -> None:
    """Writes plain data to a new file.

    The file is a zip of `state.json` and of the arrays, `0.npy`, `1.npy`, ..., as
    `numpy.load` opens it. Its comment is the SHA-256 of all bytes before it.

    Raises:
        OSError: If the disk is full or refuses.
    """
    with open(path, "xb") as file:
        hashed: Any = _Hashed(file)
        with zipfile.ZipFile(hashed, "w") as archive:
            archive.writestr(_DOCUMENT, state.document)
            for number, array in enumerate(state.arrays):
                with archive.open(f"{number}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
            # The comment's length is within what is hashed; the comment itself is not.
            archive.comment = bytes(_CHECKSUM_BYTES)
        hashed.finish()


def read(path: pathlib.Path) -> Any:
    """Returns what was written.

    Raises:
        DamagedFileError: If one bit is not as it was written.
        ForeignFileError: If neither its start nor its end is that of a file of `write`.
        OSError: If there is no such file, or it cannot be read.
    """
    with open(path, "rb") as file:
        _check(file, path)
        file.seek(0)
        with zipfile.ZipFile(file) as archive:
            document, arrays = archive.read(_DOCUMENT).decode("ascii"), []
            for number in range(len(archive.namelist()) - 1):
                with archive.open(f"{number}.npy") as member:
                    arrays.append(np.lib.format.read_array(member, allow_pickle=False))
    return Frozen(document, arrays).thaw()


def _check(file: IO[bytes], path: pathlib.Path) -> None:
    size = file.seek(0, 2)
    if not _is_own(file, size):
        raise ForeignFileError(
            f"`path` must be a new file, or one that `Resume` has written; {str(path)!r} is no "
            "file of Resume's. Give another path."
        )
    left = size - _CHECKSUM_BYTES
    if left < 0:
        raise DamagedFileError(f"{str(path)!r} is cut off: it has {size} bytes.")
    file.seek(0)
    digest = hashlib.sha256()
    while left:
        chunk = file.read(min(left, _CHUNK_BYTES))
        digest.update(chunk)
        left -= len(chunk)
    if file.read() != _MARK + digest.hexdigest().encode("ascii"):
        raise DamagedFileError(f"{str(path)!r} is damaged or cut off: its checksum is wrong.")


def _is_own(file: IO[bytes], size: int) -> bool:
    """Whether a file starts or ends as `write` makes it; a start that is cut off is one."""
    file.seek(0)
    head = file.read(_NAME_AT + len(_DOCUMENT))
    begins = _ZIP.startswith(head[: len(_ZIP)])
    begins = begins and _DOCUMENT.encode("ascii").startswith(head[_NAME_AT:])
    file.seek(max(0, size - _CHECKSUM_BYTES))
    return begins or file.read(len(_MARK)) == _MARK


class _Hashed:
    """A file to write to from start to end, whose last bytes are a checksum of all others.

    It cannot seek, so a zip's members are written once and never gone back to.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._held = b""

    def write(self, data: Any) -> int:
        """Writes, but for the last bytes, which may be the comment."""
        held = self._held + bytes(data)
        ready = max(0, len(held) - _CHECKSUM_BYTES)
        self._digest.update(held[:ready])
        self._file.write(held[:ready])
        self._held = held[ready:]
        return len(data)

    def flush(self) -> None:
        """Does nothing: the file is flushed when it is closed."""

    def finish(self) -> None:
        """Writes the checksum in place of the comment."""
        self._file.write(_MARK + self._digest.hexdigest().encode("ascii"))
