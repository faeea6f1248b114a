"""Directories and files that appear whole or not at all."""

import contextlib
import os
import pathlib
import shutil
from collections.abc import Iterator

from kerasnn import _checks
from kerasnn._core import atomic_files
from kerasnn.serving.publishing import staging, version_directory
from kerasnn.serving.publishing.exchange import exchange
from kerasnn.serving.runtime.verification import UnverifiedError


def check(path: pathlib.Path, version: int | None, *, overwrite: bool) -> None:
    """Raises unless `version`, or where it is None the next one, can appear in `path`."""
    place = next(p for p in (path, *path.absolute().parents) if os.path.lexists(p))
    if not place.is_dir():
        kind = "link to nothing" if place.is_symlink() else "file"
        raise ValueError(
            f"`path` must be a directory that holds the versions; got the {kind} {str(place)!r}."
        )
    if (path / "saved_model.pb").exists():
        raise ValueError(
            "`path` must be a directory that holds the versions; got one of them, the SavedModel "
            f"{str(path)!r}. Give the directory that it is in."
        )
    if version is None:
        version_directory.following(path)
        return
    _checks.whole_number("version", version, hint="Leave it out to get the next one.")
    before = version_directory.numbers(path).get(version)
    if before is not None and not overwrite:
        raise _taken(path, version)
    if before is not None and not before.is_dir():
        raise _checks.InvalidArgument(
            "version",
            f"be new, or that of a directory, which {str(before)!r} is not",
            version,
            "Take it away, or leave `version` out.",
        )


@contextlib.contextmanager
def draft(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Gives a new directory in `path` that TensorFlow Serving ignores; removes what is left of it.

    It lies where the versions lie, because only within one file system is a rename whole. One
    that turned out `UnverifiedError` stays, to be looked into; what killed exporters have left of
    theirs is removed.
    """
    with staging.owned(path) as directory:
        try:
            yield directory
        except UnverifiedError as error:
            note = f"`{staging.REPORT}` and the program are in {str(directory)!r}."
            write(directory / staging.REPORT, f"{error}\n")
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
            atomic_files.flush(pathlib.Path(folder, file))
        atomic_files.flush(pathlib.Path(folder))
    while True:
        number = version_directory.following(path) if version is None else int(version)
        before = version_directory.numbers(path).get(number) if overwrite else None
        target = path / str(number)
        try:
            if before is None:
                # Fails where another exporter's version of that number holds files.
                os.rename(directory, target)
            else:
                _replace(before, directory)
                # A number may have been written with zeros before it.
                if before != target:
                    os.rename(before, target)
        except OSError:
            if before is not None or number not in version_directory.numbers(path):
                raise
            if version is not None and not overwrite:
                raise _taken(path, version) from None
        else:
            atomic_files.flush(path)
            return number


def write(file: pathlib.Path, text: str) -> None:
    """Writes a text file, or replaces it, at once."""
    with atomic_files.replacing(file) as beside:
        beside.write_text(text, encoding="utf-8")


def _replace(before: pathlib.Path, directory: pathlib.Path) -> None:
    """Puts `directory` in the place of `before`, which goes."""
    if exchange(directory, before):
        staging.remove(directory)
        return
    with staging.set_aside(before):
        os.rename(directory, before)


def _taken(path: pathlib.Path, version: int) -> ValueError:
    hint = "To replace it, give overwrite=True."
    if max(version_directory.numbers(path)) < version_directory.LARGEST:
        following = version_directory.following(path)
        hint = f"The next free one is {following}; leave `version` out to get it. {hint}"
    return _checks.InvalidArgument("version", f"be new in {str(path)!r}", version, hint)
