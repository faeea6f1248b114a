"""Two directories that change places in one step."""

import ctypes
import errno
import os
import pathlib
import sys

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
# Of a system or a file system that cannot.
_CANNOT = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)


def exchange(one: pathlib.Path, other: pathlib.Path) -> bool:
    """Gives each path what is at the other, at no time nothing; returns whether that can be.

    Raises:
        OSError: If one of them is not there, or may not be moved.

    Reference:
        `renameat2(2)` of Linux.
    """
    if sys.platform != "linux":
        return False
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    paths = _AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other)
    if renameat2(*paths, _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in _CANNOT:
        return False
    raise OSError(code, os.strerror(code), str(one), None, str(other))
