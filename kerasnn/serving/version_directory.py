"""Finds the SavedModel that a path means."""

import os
import pathlib
from typing import Any


def numbers(path: pathlib.Path) -> dict[int, pathlib.Path]:
    """Returns version number -> directory, of those in `path` that TensorFlow Serving counts."""
    entries = path.iterdir() if path.exists() else []
    return {int(e.name): e for e in entries if e.name.isascii() and e.name.isdigit()}


def find(path: Any) -> pathlib.Path:
    """Returns `path` where it is a SavedModel, and else the newest version in it.

    Raises:
        FileNotFoundError: If there is neither.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"`path` must be the path of a SavedModel; got path={path!r}.")
    directory = pathlib.Path(path)
    if (directory / "saved_model.pb").is_file():
        return directory
    versions = numbers(directory) if directory.is_dir() else {}
    newest = versions[max(versions)] if versions else directory
    if not (newest / "saved_model.pb").is_file():
        raise FileNotFoundError(
            f"`path` must be a SavedModel, or a directory of numbered versions of one; got "
            f"{str(directory)!r}, where there is no `saved_model.pb`. `serving.export` writes them."
        )
    return newest
