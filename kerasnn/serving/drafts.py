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
    removed first, but for those with a report.
    """
    path.mkdir(parents=True, exist_ok=True)
    for abandoned in path.glob(".export-*"):
        if not (abandoned / REPORT).exists():
            _remove_unless_owned(abandoned)
    while True:
        directory = hidden(path, "export")
        directory.mkdir()
        with locked(directory, wait=True):
            # Another exporter may have taken it for abandoned before it was locked.
            if directory.exists():
                yield directory
                return


def _remove_unless_owned(directory: pathlib.Path) -> None:
    with locked(directory, wait=False) as is_locked:
        if is_locked:
            shutil.rmtree(directory, ignore_errors=True)


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
