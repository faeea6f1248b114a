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
    """Yields a name to write a file to, which replaces `path` when it is whole and on the disk.

    The name is new, lies in the same directory, since a rename is atomic only within one file
    system, and has the same suffix, since some writers choose their format by it. Whenever the
    process or the machine stops, `path` is the former file or the new one. Where writing fails, or
    nothing is written, it is the former one, and the draft is removed.

    Args:
        path: The file to replace or create.

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


def check_writable(argument: str, path: pathlib.Path, *, kind: str = "file") -> None:
    """Raises unless a draft of `path` can be created, in the nearest directory that exists.

    Missing directories are created by the writer later. The draft is removed.

    Args:
        argument: The argument that names the path, for errors.
        path: Where it is to be written later.
        kind: "file" or "directory", for errors.

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
            f"`{argument}` must be a {kind} that can be written; {str(path)!r} cannot: "
            f"{error.strerror}. Give another path.",
        ) from error


def _draft_of(path: pathlib.Path) -> pathlib.Path:
    return path.with_name(f".{path.stem}.{uuid.uuid4().hex}{path.suffix}")


def clear_drafts(path: pathlib.Path, *, idle_s: float = 0.0) -> None:
    """Removes the drafts that killed writers of `path` have left.

    Args:
        path: The file.
        idle_s: Seconds since the last write to a draft. With 0 no writer may be running.
    """
    name = f".{glob.escape(path.stem)}.{'[0-9a-f]' * 32}{glob.escape(path.suffix)}"
    for draft in path.parent.glob(name):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - draft.stat().st_mtime >= idle_s:
                draft.unlink()


def flush_tree(directory: pathlib.Path) -> None:
    """Waits until a directory and all that is in it are on the disk."""
    for folder, _, files in os.walk(directory, topdown=False):
        for file in files:
            flush(pathlib.Path(folder, file))
        flush(pathlib.Path(folder))


def flush(path: pathlib.Path) -> None:
    """Waits until a file, or the entries of a directory, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
