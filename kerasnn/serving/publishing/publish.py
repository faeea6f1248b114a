"""Publishing of version directories by a rename, whole or not at all.

A version is staged in a hidden directory beside the others, which TensorFlow Serving ignores, and
then renamed. A killed exporter leaves its stage, which an export one day later removes.
"""

import contextlib
import os
import pathlib
import shutil
import time
import uuid
from collections.abc import Iterator

from kerasnn import _checks
from kerasnn._core import atomic_files
from kerasnn.serving.errors import UnverifiedError
from kerasnn.serving.publishing import version_directory

_STAGE = ".export-"
_OLD_S = 24 * 3600
_REPORT = "report.txt"


def check(path: pathlib.Path, version: int | None, *, overwrite: bool) -> None:
    """Raises unless `version`, or where it is None the next one, can appear in `path`."""
    place = next(p for p in (path, *path.absolute().parents) if os.path.lexists(p))
    rule = "be a directory that holds the versions"
    if not place.is_dir():
        kind = "link to nothing" if place.is_symlink() else "file"
        raise _checks.InvalidArgument("path", rule, path, got=f"the {kind} {str(place)!r}")
    if (path / "saved_model.pb").exists():
        raise _checks.InvalidArgument(
            "path",
            rule,
            path,
            "Give the directory that it is in.",
            got=f"one of them, the SavedModel {str(path)!r}",
        )
    if version is None:
        version_directory.following(path)
        return
    _checks.integer("version", version, hint="Omit it to get the next one.")
    before = version_directory.numbers(path).get(version)
    if before is not None and not overwrite:
        raise _taken(path, version)
    if before is not None and not before.is_dir():
        raise _checks.InvalidArgument(
            "version",
            f"be new, or that of a directory, which {str(before)!r} is not",
            version,
            "Remove it, or omit `version`.",
        )


@contextlib.contextmanager
def staged(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Gives a new hidden directory in `path`, and removes it after an error.

    It lies beside the versions because a rename is atomic only within one file system. After an
    `UnverifiedError` it stays, with a report. Stages older than a day are removed first.
    """
    path.mkdir(parents=True, exist_ok=True)
    for stage in path.glob(f"{_STAGE}*"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - stage.lstat().st_mtime > _OLD_S:
                _remove(stage)
    directory = _new_stage(path)
    directory.mkdir()
    try:
        yield directory
    except UnverifiedError as error:
        (directory / _REPORT).write_text(f"{error}\n", encoding="utf-8")
        raise UnverifiedError(
            f"{error} Nothing was published; `{_REPORT}` and the program are in "
            f"{str(directory)!r}, until an export removes them after a day."
        ) from None
    except BaseException:
        _remove(directory)
        raise


def publish(
    directory: pathlib.Path, path: pathlib.Path, version: int | None, *, overwrite: bool
) -> int:
    """Flushes `directory` to disk, renames it to `version` or the next, and returns which.

    A version that is overwritten is moved to a hidden name before. Between the two renames there
    is no version of that number; at no time there is a partial one.
    """
    atomic_files.flush_tree(directory)
    while True:
        number = version_directory.following(path) if version is None else int(version)
        before = version_directory.numbers(path).get(number) if overwrite else None
        replaced = None
        if before is not None:
            replaced = _new_stage(path)
            os.rename(before, replaced)
        try:
            # Fails where another exporter's version of that number holds files.
            os.rename(directory, path / str(number))
        except OSError:
            if replaced is not None and before is not None:
                with contextlib.suppress(OSError):
                    os.rename(replaced, before)
                raise
            if number not in version_directory.numbers(path):
                raise
            if version is not None and not overwrite:
                raise _taken(path, version) from None
        else:
            atomic_files.flush(path)
            if replaced is not None:
                _remove(replaced)
            return number


def _new_stage(path: pathlib.Path) -> pathlib.Path:
    # Not from `tempfile`, which makes it unreadable for the server's user.
    return path / f"{_STAGE}{uuid.uuid4().hex}"


def _remove(directory: pathlib.Path) -> None:
    if directory.is_symlink():
        directory.unlink()
    else:
        shutil.rmtree(directory, ignore_errors=True)


def _taken(path: pathlib.Path, version: int) -> _checks.InvalidArgument:
    hint = "To replace it, give overwrite=True."
    if max(version_directory.numbers(path)) < version_directory.LARGEST:
        following = version_directory.following(path)
        hint = f"The next free one is {following}; omit `version` to get it. {hint}"
    return _checks.InvalidArgument("version", f"be new in {str(path)!r}", version, hint)
