"""Directories and files that appear whole or not at all."""

import contextlib
import os
import pathlib
import shutil
from collections.abc import Iterator

from kerasnn import _checks, _files
from kerasnn.serving import drafts, version_directory
from kerasnn.serving.verification import UnverifiedError

# A server keeps a version in 64 bits.
_LARGEST = 2**63 - 1


def check(path: pathlib.Path, version: int | None, *, overwrite: bool) -> None:
    """Raises unless `version`, or where it is None the next one, can appear in `path`."""
    if path.exists() and not path.is_dir():
        raise ValueError(
            f"`path` must be a directory that holds the versions; got the file {str(path)!r}."
        )
    if version is not None:
        _checks.whole_number("version", version, cure="Leave it out to get the next one.")
        if version > _LARGEST:
            raise _checks.wrong(
                "version", f"be at most {_LARGEST}, as TensorFlow Serving counts", version
            )
        if version in version_directory.numbers(path) and not overwrite:
            raise _taken(path, version)


@contextlib.contextmanager
def draft(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Gives a new directory in `path` that TensorFlow Serving ignores; removes what is left of it.

    It lies where the versions lie, because only within one file system is a rename whole. One
    that turned out `UnverifiedError` stays, to be looked into; what killed exporters have left of
    theirs is removed.
    """
    with drafts.owned(path) as directory:
        try:
            yield directory
        except UnverifiedError as error:
            note = f"`{drafts.REPORT}` and the program are in {str(directory)!r}."
            write(directory / drafts.REPORT, f"{error}\n")
            raise UnverifiedError(f"{error} Nothing was published; {note}") from None
        except BaseException:
            shutil.rmtree(directory, ignore_errors=True)
            raise


def publish(
    directory: pathlib.Path, path: pathlib.Path, version: int | None, *, overwrite: bool
) -> int:
    """Flushes `directory` to disk, renames it to `version` or the next, and returns which."""
    for folder, _, files in os.walk(directory, topdown=False):
        for file in files:
            _files.flush(pathlib.Path(folder, file))
        _files.flush(pathlib.Path(folder))
    while True:
        versions = version_directory.numbers(path)
        number = max(versions, default=0) + 1 if version is None else int(version)
        before = versions.get(number) if overwrite else None
        try:
            with _set_aside(before):
                # Fails where another exporter's version of that number holds files.
                os.rename(directory, path / str(number))
        except OSError:
            if before is not None or number not in version_directory.numbers(path):
                raise
            if version is not None and not overwrite:
                raise _taken(path, version) from None
        else:
            _files.flush(path)
            return number


def write(file: pathlib.Path, text: str) -> None:
    """Writes a text file, or replaces it, at once."""
    with _files.replacing(file) as beside:
        beside.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def _set_aside(directory: pathlib.Path | None) -> Iterator[None]:
    """Hides a directory whose place is to be taken: two cannot change places in one step."""
    if directory is None:
        yield
        return
    hidden = drafts.hidden(directory.parent, "replaced")
    os.rename(directory, hidden)
    try:
        yield
    except BaseException:
        os.rename(hidden, directory)
        raise
    shutil.rmtree(hidden)


def _taken(path: pathlib.Path, version: int) -> ValueError:
    return _checks.wrong(
        "version",
        f"be new in {str(path)!r}",
        version,
        f"The next free one is {max(version_directory.numbers(path)) + 1}; leave `version` out to "
        "get it, or give overwrite=True.",
    )
