"""Tables that Ray Data reads, and their files, found by a path, a folder or a pattern."""

import glob
import os
import pathlib
from collections.abc import Sequence
from typing import Any

from kerasnn import _checks

KINDS = (".parquet", ".csv")
_HINT = "Ray Data reads other kinds and places: give a `ray.data.Dataset`."


def are_paths(given: Any) -> bool:
    """Whether an argument is a path, or a list of them."""
    if isinstance(given, list):
        return bool(given) and all(map(are_paths, given))
    return isinstance(given, (str, os.PathLike))


def is_table(given: Any) -> bool:
    """Whether an argument is a table: paths, or a `ray.data.Dataset`."""
    # Ray is imported where it is used alone.
    return are_paths(given) or type(given).__module__.startswith("ray.data")


def table_files(argument: str, given: Any) -> list[str]:
    """Returns the absolute paths of the files of a table, in the order of their names.

    Args:
        argument: Name of the argument that gives them, for errors.
        given: A file, a folder, a pattern with wildcards, or a list of these, whose order is kept.

    Raises:
        InvalidArgument: If there is no file, or they are not all of one kind.
    """
    files = [file for one in (given if isinstance(given, list) else [given]) for file in _of(one)]
    kinds = {pathlib.Path(file).suffix for file in files}
    if not files or len(kinds) > 1 or not kinds <= set(KINDS):
        raise _checks.InvalidArgument(
            argument,
            f"name files that exist and all end in {' or all in '.join(KINDS)}",
            given,
            _HINT,
            got=f"{given!r}, which names {_shown(files)}",
        )
    return files


def _of(given: str | os.PathLike[str]) -> list[str]:
    path = pathlib.Path(given).absolute()
    if path.is_dir():
        return sorted(str(file) for file in path.iterdir() if file.suffix in KINDS)
    if path.is_file():
        return [str(path)]
    return sorted(file for file in glob.glob(str(path), recursive=True) if os.path.isfile(file))


def _shown(files: Sequence[str]) -> str:
    if not files:
        return "none"
    kinds = sorted({pathlib.Path(file).suffix or "no ending" for file in files})
    return f"{len(files)}, with {' and '.join(kinds)}"
