"""One process at a time."""

import contextlib
import os
import pathlib
from collections.abc import Iterator


@contextlib.contextmanager
def path_lock(path: pathlib.Path, argument: str = "path", user: str = "Resume") -> Iterator[None]:
    """Keeps a path for this process, until the context or the process ends in any way.

    The lock lies on a file beside it that ends in `.lock`, and stays: to remove it would let a
    third process lock another file of that name.

    Args:
        path: What is locked.
        argument: The argument that names it, for errors.
        user: What wants it, for errors.

    Raises:
        BlockingIOError: If another process, or another context of this one, has the path.
        NotImplementedError: If the system has no such locks.
    """
    try:
        import fcntl
    except ImportError as error:
        raise NotImplementedError(
            f"`{user}` must run on a POSIX system, such as Linux or macOS: it keeps other "
            "processes off its file by `fcntl`, which Python does not have here. Leave it out."
        ) from error

    descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.read(descriptor, 20).decode("ascii", "replace") or "of an unknown number"
            raise BlockingIOError(
                error.errno,
                f"`{argument}` must be used by one run at a time; {str(path)!r} is in use by "
                f"process {owner}. Wait until it ends, or give each run a path of its own.",
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode("ascii"), 0)
        yield
    finally:
        os.close(descriptor)
