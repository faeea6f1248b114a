"""The directory that `kerasnn train` writes."""

import contextlib
import os
import pathlib
import shutil
import uuid
from collections.abc import Iterator

from kerasnn import _checks
from kerasnn._core import atomic_files


def check(path: pathlib.Path, *, overwrite: bool) -> None:
    """Raises unless the directory can be written, before any work is done for it.

    Raises:
        InvalidArgument: If there is something at its place.
        OSError: If a directory cannot be created there.
    """
    if path.exists() and not overwrite:
        raise _checks.InvalidArgument(
            "--output",
            "be a directory that does not exist yet",
            str(path),
            "Give another one, or --overwrite to replace it. To publish a further version of its "
            "model, train into another directory and `kerasnn export` that model into this one.",
        )
    if path.exists() and not path.is_dir():
        raise _checks.InvalidArgument("--output", "be a directory, not a file", str(path))
    atomic_files.check_writable("--output", path)


@contextlib.contextmanager
def created(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Creates a directory, and removes it where what is written to it fails or is interrupted.

    What was there before is kept beside it until all is written, and put back after an error. The
    directory has its name from the start, since a SavedModel's files for the server hold it; a
    process that is killed may leave it half.

    Args:
        path: The directory.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    replaces = path.exists()
    if replaces:
        os.replace(path, before)
    try:
        path.mkdir()
        yield path
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        if replaces:
            os.replace(before, path)
        raise
    if replaces:
        shutil.rmtree(before)
