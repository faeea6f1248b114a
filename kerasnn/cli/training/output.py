"""The directory that `kerasnn train` writes."""

import contextlib
import os
import pathlib
import shutil
import time
import uuid
from collections.abc import Iterator

from kerasnn import _checks
from kerasnn._core import atomic_files

_STAGE = ".kerasnn-train-"
_OLD_S = 24 * 3600
# Files that may name the directory that they are in.
_TEXTS = (".config", ".html", ".json", ".yaml")
# What a training writes.
_ENTRIES = {"model", "model.keras", "encoder.keras", "report.html"}


def check(path: pathlib.Path, *, overwrite: bool) -> None:
    """Raises unless the directory can be written, before any work is done for it.

    Raises:
        InvalidArgument: If there is something at its place.
        OSError: If a directory cannot be created there.
    """
    if not path.name:
        raise _checks.InvalidArgument("--output", "be a directory with a name", str(path))
    if path.exists() and not overwrite:
        raise _checks.InvalidArgument(
            "--output",
            "be a directory that does not exist yet",
            str(path),
            "Give another one, or --overwrite to replace it. To publish a further version of its "
            "model, train into another directory and `kerasnn export` that model into this one.",
        )
    if path.exists() and not path.is_dir():
        raise _checks.InvalidArgument("--output", "be a directory, not a file", str(path))
    others = sorted({entry.name for entry in path.iterdir()} - _ENTRIES) if path.exists() else []
    if others:
        raise _checks.InvalidArgument(
            "--output",
            "hold nothing but what an earlier training has written, to be replaced",
            str(path),
            "Move that elsewhere, or give another directory.",
            got=f"{path} with {', '.join(others):.200}",
        )
    atomic_files.check_writable("--output", path, kind="directory")


@contextlib.contextmanager
def created(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields a directory to write to, which becomes `path` by a rename when all is written.

    It has the name of `path` and lies in a hidden directory beside it. Files that name their own
    place, those for the server, the model card and the report, are rewritten for the new place.
    What was at `path` is replaced, or stays where writing fails or is interrupted. If the process
    is killed, the hidden directory is left, which the next one removes after a day; killed between
    the two renames that replace a directory, it holds both, and there is nothing at `path`.

    Args:
        path: The directory.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_old(path.parent)
    stage = path.with_name(f"{_STAGE}{uuid.uuid4().hex}")
    draft, before = stage / path.name, stage / f"{path.name}.before"
    draft.mkdir(parents=True)
    try:
        yield draft
        _rewrite(draft, stage.name)
        atomic_files.flush_tree(draft)
        replaces = path.exists()
        if replaces:
            os.replace(path, before)
        try:
            os.replace(draft, path)
        except BaseException:
            if replaces:
                os.replace(before, path)
            raise
        atomic_files.flush(path.parent)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _rewrite(draft: pathlib.Path, stage: str) -> None:
    """Takes the hidden directory out of the paths in texts, where no format escapes its name."""
    for file in draft.rglob("*"):
        if file.suffix in _TEXTS:
            text = file.read_text(encoding="utf-8")
            file.write_text(text.replace(f"{stage}/", ""), encoding="utf-8")


def _remove_old(folder: pathlib.Path) -> None:
    """Removes what killed processes have left."""
    for stage in folder.glob(f"{_STAGE}{'[0-9a-f]' * 32}"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - stage.stat().st_mtime > _OLD_S:
                shutil.rmtree(stage, ignore_errors=True)
