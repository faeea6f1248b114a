"""Directories that appear whole or not at all."""

import contextlib
import os
import pathlib
import shutil
import uuid
from collections.abc import Iterator

from kerasnn import _checks, _files


def check(path: pathlib.Path, version: int | None) -> None:
    """Raises unless `version`, or where it is None the next one, can appear in `path`."""
    if path.exists() and not path.is_dir():
        raise ValueError(
            f"`path` must be a directory that holds the versions; got the file {str(path)!r}."
        )
    if version is not None:
        _checks.whole_number("version", version, cure="Leave it out to get the next one.")
        if version in _versions(path):
            raise _taken(path, version)


@contextlib.contextmanager
def draft(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Gives a new directory in `path` that TensorFlow Serving ignores; removes what is left of it.

    It lies where the versions lie, because only within one file system is a rename whole.
    """
    # Not `tempfile.mkdtemp`, which makes it unreadable for the server's user.
    directory = path / f".export-{uuid.uuid4().hex}"
    directory.mkdir(parents=True)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def publish(directory: pathlib.Path, path: pathlib.Path, version: int | None) -> int:
    """Flushes `directory` to disk, renames it to `version` or the next, and returns which."""
    for folder, _, files in os.walk(directory, topdown=False):
        for file in files:
            _files.flush(pathlib.Path(folder, file))
        _files.flush(pathlib.Path(folder))
    while True:
        number = max(_versions(path), default=0) + 1 if version is None else int(version)
        try:
            # Fails where another exporter's version of that number holds files.
            os.rename(directory, path / str(number))
        except OSError:
            if number not in _versions(path):
                raise
            if version is not None:
                raise _taken(path, version) from None
        else:
            _files.flush(path)
            return number


def _versions(path: pathlib.Path) -> set[int]:
    names = [entry.name for entry in path.iterdir()] if path.exists() else []
    return {int(name) for name in names if name.isascii() and name.isdigit()}


def _taken(path: pathlib.Path, version: int) -> ValueError:
    return _checks.wrong(
        "version",
        f"be new in {str(path)!r}",
        version,
        f"The next free one is {max(_versions(path)) + 1}; leave `version` out to get it.",
    )
