"""Directories of numbered versions, as TensorFlow Serving reads them."""

import os
import pathlib
from typing import Any

from kerasnn._checks.errors import InvalidArgument

# TensorFlow Serving keeps a version in 64 bits.
LARGEST = 2**63 - 1
# Within a version.
MODEL_CARD = pathlib.Path("assets.extra", "model_card.json")


def numbers(path: pathlib.Path) -> dict[int, pathlib.Path]:
    """Returns version number -> directory, of those in `path` that TensorFlow Serving counts."""
    entries = path.iterdir() if path.exists() else []
    found = {int(e.name): e for e in entries if e.name.isascii() and e.name.isdigit()}
    return {number: entry for number, entry in found.items() if number <= LARGEST}


def following(path: pathlib.Path) -> int:
    """Returns the number after the largest of the versions in `path`.

    Raises:
        InvalidArgument: If no number is left.
    """
    largest = max(numbers(path), default=0)
    if largest == LARGEST:
        raise InvalidArgument(
            "version",
            f"be given for {str(path)!r}, which has the largest that TensorFlow Serving counts",
            None,
            "It serves the largest, so remove that first.",
            got=str(LARGEST),
        )
    return largest + 1


def find(path: Any) -> pathlib.Path:
    """Returns `path` where it is a SavedModel, and else the newest version in it.

    Raises:
        FileNotFoundError: If there is neither.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise InvalidArgument("path", "be the path of a SavedModel", path)
    directory = pathlib.Path(path)
    if (directory / "saved_model.pb").is_file():
        return directory
    versions = numbers(directory) if directory.is_dir() else {}
    newest = versions[max(versions)] if versions else directory
    if not (newest / "saved_model.pb").is_file():
        inside = directory / "model"  # As `kerasnn train` writes it.
        hint = f" Give {str(inside)!r}." if inside.is_dir() and numbers(inside) else ""
        raise FileNotFoundError(
            f"`path` must be a SavedModel, or a directory of numbered versions of one; got "
            f"{str(newest)!r}, where there is no `saved_model.pb`. `serving.export` writes them."
            f"{hint}"
        )
    return newest
