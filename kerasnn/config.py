"""Settings of kerasnn in this process, and in those that it starts."""

import os
import pathlib

from kerasnn import _checks
from kerasnn.training.compilation_cache import settings
from kerasnn.training.compilation_cache.process_cache import process_cache
from kerasnn.training.compilation_cache.store import make_private

__all__ = ["compilation_cache_directory", "set_compilation_cache"]


def set_compilation_cache(
    directory: str | os.PathLike[str] | None, *, limit_mb: int = settings.DEFAULT_LIMIT_MB
) -> None:
    """Sets where programs that XLA has compiled are kept for the next process.

    By default they are kept in the user's cache directory, such as `~/.cache/kerasnn/programs`. The
    setting is kept in the environment variables `KERASNN_COMPILATION_CACHE` (a directory, or 0 to
    switch the cache off) and `KERASNN_COMPILATION_CACHE_MB`.

    A program is used by the same version of TensorFlow on the same kind of processor alone. One
    that has been damaged is removed. If `TF_XLA_FLAGS` names a cache, TensorFlow uses that one.

    Args:
        directory: A directory of this user alone, which is created with mode 0700; None to switch
            the cache off.
        limit_mb: Size in MiB that the programs are kept below; those that were not used for the
            longest time are removed first.

    Raises:
        InvalidArgument: If the directory cannot be used, or this process has compiled a program
            already.

    Example:
        >>> import kerasnn
        >>> kerasnn.config.set_compilation_cache(None)
        >>> kerasnn.config.compilation_cache_directory() is None
        True
    """
    _checks.integer("limit_mb", limit_mb)
    path = None if directory is None else pathlib.Path(directory).expanduser().absolute()
    if process_cache.began and path != compilation_cache_directory():
        raise _checks.InvalidArgument(
            "directory",
            "be set before XLA compiles the first program of a process",
            directory,
            "Set it after `import kerasnn`, or set the environment variable "
            f"{settings.DIRECTORY_VARIABLE}.",
        )
    if path is not None:
        try:
            make_private(path)
        except OSError as error:
            raise _checks.InvalidArgument(
                "directory",
                "be a directory that this user alone can read and write",
                str(directory),
                "Give the name of a new one.",
                got=f"{str(directory)!r}: {error}",
            ) from error
    settings.write(path, limit_mb)
    if not process_cache.began:
        process_cache.announce()


def compilation_cache_directory() -> pathlib.Path | None:
    """Returns the directory of compiled programs, or None where the cache is off.

    Example:
        >>> directory = compilation_cache_directory()
        >>> directory is None or directory.is_absolute()
        True
    """
    return settings.Settings.read().directory


def __dir__() -> list[str]:
    return sorted(__all__)
