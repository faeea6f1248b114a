"""One file of plain data, with a checksum over every byte."""

import hashlib
import pathlib
import zipfile
from typing import IO, Any

import numpy as np

from kerasnn.callbacks.plain import Frozen

_DOCUMENT = "state.json"
_MARK = b"sha256:"
_CHECKSUM_BYTES = len(_MARK) + 64
_CHUNK_BYTES = 1 << 20


class DamagedFileError(ValueError):
    """Says that a file does not hold what was written to it."""


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
