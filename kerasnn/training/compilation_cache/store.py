"""Directory of compiled programs of one user, each checked before it is used."""

import contextlib
import glob
import hashlib
import os
import pathlib
import stat

from kerasnn._core.atomic_files import replacing

_PRIVATE = 0o700


def make_private(directory: pathlib.Path) -> None:
    """Creates a directory that only its user can read and write, or checks that it is one.

    Raises:
        OSError: If the directory cannot be created, or belongs to another user or to several.
    """
    directory.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise PermissionError(f"{str(directory)!r} is no directory of this user")
    if stat.S_IMODE(found.st_mode) & ~_PRIVATE:
        raise PermissionError(f"{str(directory)!r} can be used by others: its mode must be 0700")


class ProgramStore:
    """Files of compiled programs, named `KEY.NAME.pb.SHA256`.

    A file appears whole and never changes. `link_into` compares its content with the digest in its
    name, and removes what does not match. There is no lock: of two processes that add and remove
    at once, one can lose a program, which is then compiled again.

    Args:
        directory: A directory of `make_private`.
        key: What programs depend on besides themselves, such as the processor. Programs of another
            key are never used.
        limit_bytes: Size that `add` keeps all programs below. Those that were not read for the
            longest time go first; most file systems record that once a day.
    """

    def __init__(self, directory: pathlib.Path, key: str, limit_bytes: int) -> None:
        self._directory, self._key, self._limit_bytes = directory, key, limit_bytes

    def link_into(self, directory: pathlib.Path) -> None:
        """Makes links to the programs that are whole, by their names, in another directory."""
        for program in self._directory.glob(f"{self._key}.*.pb.*"):
            name, _, digest = program.name.removeprefix(f"{self._key}.").rpartition(".")
            with contextlib.suppress(OSError):
                if _digest(program) == digest:
                    (directory / name).symlink_to(program)
                else:
                    program.unlink()

    def add(self, path: pathlib.Path) -> None:
        """Adds a program, the name of which ends in `.pb`.

        Raises:
            OSError: If the directory cannot be written.
        """
        name, content = f"{self._key}.{path.name}", path.read_bytes()
        program = self._directory / f"{name}.{hashlib.sha256(content).hexdigest()}"
        if not program.exists():
            with replacing(program) as draft:
                draft.write_bytes(content)
        for other in self._directory.glob(f"{glob.escape(name)}.*"):
            if other != program:
                other.unlink(missing_ok=True)
        self._trim()

    def _trim(self) -> None:
        found = []
        for program in self._directory.glob("*.pb.*"):
            with contextlib.suppress(FileNotFoundError):
                state = program.stat()
                found.append((max(state.st_atime, state.st_mtime), state.st_size, program))
        size = sum(bytes_ for _, bytes_, _ in found)
        for _, bytes_, program in sorted(found):
            if size <= self._limit_bytes:
                return
            program.unlink(missing_ok=True)
            size -= bytes_


def _digest(path: pathlib.Path) -> str:
    """Returns the digest of a file of this user.

    Raises:
        OSError: If it is another user's, or no file.
    """
    # Reading for this check is no use of the program: its time of access stays.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOATIME | os.O_NOFOLLOW)
    with open(descriptor, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
