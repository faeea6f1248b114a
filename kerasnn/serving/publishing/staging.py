"""Hidden directories in which a version is made, and what killed exporters have left of theirs."""

import contextlib
import os
import pathlib
import shutil
import uuid
from collections.abc import Iterator

# What names one that was kept to be looked into.
REPORT = "report.txt"


def hidden(path: pathlib.Path, purpose: str) -> pathlib.Path:
    """Returns a new name in `path` that TensorFlow Serving ignores."""
    # Not from `tempfile`, which makes it unreadable for the server's user.
    return path / f".{purpose}-{uuid.uuid4().hex}"


@contextlib.contextmanager
def owned(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Gives a new hidden directory in `path`, which is this process's own until the context ends.

    A lock says so, which ends with the process however that ends. Directories without one are
    removed first, but for those with a report, and for a version whose place nothing has taken.
    """
    path.mkdir(parents=True, exist_ok=True)
    for abandoned in path.glob(".export-*"):
        if not (abandoned / REPORT).exists():
            _remove_unless_owned(abandoned)
    for aside in path.glob(".replaced-*-*"):
        with locked(aside, wait=False) as is_locked:
            if is_locked:
                _put_back(aside)
    while True:
        directory = hidden(path, "export")
        directory.mkdir()
        with locked(directory, wait=True):
            # Another exporter may have taken it for abandoned before it was locked.
            if directory.exists():
                yield directory
                return


@contextlib.contextmanager
def set_aside(version: pathlib.Path) -> Iterator[None]:
    """Hides a version while its place is taken, and removes it then.

    Killed before that, it comes back with the next draft.
    """
    aside = hidden(version.parent, f"replaced-{version.name}")
    with locked(version, wait=True):
        os.rename(version, aside)
        try:
            yield
        finally:
            _put_back(aside)


def _put_back(aside: pathlib.Path) -> None:
    version = aside.with_name(aside.name.split("-")[1])
    if os.path.lexists(version):
        remove(aside)
    else:
        os.rename(aside, version)


def remove(directory: pathlib.Path) -> None:
    """Removes a hidden directory as far as it can; the next draft tries again."""
    if directory.is_symlink():
        directory.unlink()
    else:
        shutil.rmtree(directory, ignore_errors=True)


def _remove_unless_owned(directory: pathlib.Path) -> None:
    with locked(directory, wait=False) as is_locked:
        if is_locked:
            remove(directory)


@contextlib.contextmanager
def locked(directory: pathlib.Path, *, wait: bool) -> Iterator[bool]:
    """Locks a directory; gives whether it could, which not every system and file system can.

    It gives false too where the directory is gone, or another has it and `wait` is false.
    """
    with contextlib.ExitStack() as stack:
        is_locked = False
        with contextlib.suppress(ImportError, OSError):
            import fcntl

            descriptor = os.open(directory, os.O_RDONLY)
            stack.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            is_locked = True
        yield is_locked
