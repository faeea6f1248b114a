"""Locks that let one process at a time use a path."""

import contextlib
import errno
import pathlib
from collections.abc import Iterator

import filelock


@contextlib.contextmanager
def path_lock(path: pathlib.Path, argument: str = "path") -> Iterator[None]:
    """Keeps a path for this process, until the context or the process ends in any way.

    The lock lies on a file beside it that ends in `.lock`.

    Args:
        path: What is locked.
        argument: The argument that names it, for errors.

    Raises:
        BlockingIOError: If another process, or another context of this one, has the path.
    """
    lock = filelock.FileLock(f"{path}.lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise BlockingIOError(
            errno.EAGAIN,
            f"`{argument}` must be used by one run at a time; {str(path)!r} is in use by another "
            "process, or by another run in this one. Wait until it ends, or give each run a path "
            "of its own.",
        ) from error
    try:
        yield
    finally:
        lock.release()
