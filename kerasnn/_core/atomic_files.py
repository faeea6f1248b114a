"""Files that appear whole or not at all."""

import contextlib
import glob
import os
import pathlib
import time
import uuid
from collections.abc import Iterator


@contextlib.contextmanager
def replacing(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Gives a name to write a file to, which becomes `path` when it is whole and on the disk.

    The name is new, lies beside `path`, since only within one file system is a rename whole, and
    ends as `path` does, since some writers choose their format by it. Whenever the process or the
    machine stops, `path` is what it was or what it is to be. Where writing fails, or nothing is
    written, it is what it was, and nothing of the draft is left.

    Args:
        path: The file to replace or make.

    Raises:
        OSError: If the disk is full or refuses.
    """
    draft = _draft_of(path)
    try:
        yield draft
        if not draft.exists():
            return
        flush(draft)
        os.replace(draft, path)
        flush(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def check_writable(argument: str, path: pathlib.Path) -> None:
    """Raises unless a draft of `path` can be made, in the nearest directory that is there.

    Whoever writes makes the directories that are not. Nothing is left.

    Args:
        argument: The argument that names the path, for errors.
        path: Where a file is to be written later.

    Raises:
        OSError: If the directory refuses, the system is read-only, or a name is too long.
    """
    try:
        folder = path.parent
        while not folder.exists():
            folder = folder.parent
        draft = folder / _draft_of(path).name
        draft.touch(exist_ok=False)
        draft.unlink()
    except OSError as error:
        raise OSError(
            error.errno,
            f"`{argument}` must be a file that can be written; {str(path)!r} cannot: "
            f"{error.strerror}. Give another path.",
        ) from error


def _draft_of(path: pathlib.Path) -> pathlib.Path:
    return path.with_name(f".{path.stem}.{uuid.uuid4().hex}{path.suffix}")


def clear_drafts(path: pathlib.Path, *, idle_s: float = 0.0) -> None:
    """Removes what killed writers of `path` have left.

    Args:
        path: The file.
        idle_s: Seconds for which nothing was written to a draft. At 0 no writer may be living.
    """
    name = f".{glob.escape(path.stem)}.{'[0-9a-f]' * 32}{glob.escape(path.suffix)}"
    for draft in path.parent.glob(name):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - draft.stat().st_mtime >= idle_s:
                draft.unlink()


def flush(path: pathlib.Path) -> None:
    """Waits until a file, or the names in a directory, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
