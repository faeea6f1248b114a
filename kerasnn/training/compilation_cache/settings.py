"""Settings of the cache of compiled programs, kept in the environment."""

import dataclasses
import os
import pathlib

# What processes that this one starts receive too.
DIRECTORY_VARIABLE = "KERASNN_COMPILATION_CACHE"
LIMIT_VARIABLE = "KERASNN_COMPILATION_CACHE_MB"
# About a hundred programs of dense networks; reading and checking them all takes 0.1 s.
DEFAULT_LIMIT_MB = 100
_OFF = "0"


@dataclasses.dataclass(frozen=True)
class Settings:
    """Where compiled programs are kept, and how many.

    Attributes:
        directory: The directory; None where the cache is off.
        limit_bytes: Size that it is kept below.
    """

    directory: pathlib.Path | None
    limit_bytes: int

    @classmethod
    def read(cls) -> "Settings":
        """Returns the settings that the environment holds."""
        limit = os.environ.get(LIMIT_VARIABLE, "")
        limit_mb = int(limit) if limit.isdecimal() else DEFAULT_LIMIT_MB
        value = os.environ.get(DIRECTORY_VARIABLE, "")
        if value == _OFF:
            return cls(None, 0)
        directory = pathlib.Path(value).expanduser().absolute() if value else default_directory()
        return cls(directory, limit_mb << 20)


def write(directory: pathlib.Path | None, limit_mb: int) -> None:
    """Keeps settings in the environment."""
    os.environ[DIRECTORY_VARIABLE] = _OFF if directory is None else str(directory)
    os.environ[LIMIT_VARIABLE] = str(limit_mb)


def default_directory() -> pathlib.Path:
    """Returns the directory of the user for files that can be made again."""
    # Imported when a program is compiled, not with kerasnn.
    import platformdirs

    return platformdirs.user_cache_path("kerasnn") / "programs"
