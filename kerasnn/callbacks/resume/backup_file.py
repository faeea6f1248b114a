"""A file and the one before it."""

import os
import pathlib
import warnings
from typing import Any

from kerasnn._core import atomic_files
from kerasnn.callbacks.resume import state_file
from kerasnn.callbacks.resume.serialization import Frozen


class Generations:
    """Keeps the newest state and the one before it.

    Args:
        path: The newest file; the one before it has the same name with `.previous` after it.

    Attributes:
        newest: The same path.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self.newest = path
        self._previous = path.with_name(f"{path.name}.previous")
        self._damaged = path.with_name(f"{path.name}.damaged")

    def save(self, state: Frozen) -> None:
        """Replaces the newest file, which becomes the one before it.

        Raises:
            OSError: If the disk is full or refuses; both files are as they were then.
        """
        with atomic_files.replacing(self.newest, keep=self._previous) as draft:
            state_file.write(draft, state)

    def load(self) -> Any:
        """Returns the newest whole state, or None where nothing was saved yet.

        Warns and puts the newest file aside where it is damaged and the one before it is not.

        Raises:
            ValueError: If there are files and none is whole.
        """
        atomic_files.clear_drafts(self.newest)
        if not self.newest.exists():
            # Killed between two renames, or at the very start.
            return self._load_previous() if self._previous.exists() else None
        try:
            return state_file.read(self.newest)
        except state_file.DamagedFileError as error:
            if not self._previous.exists():
                raise _nothing_whole(error) from error
            state = self._load_previous()
            # Else it would take the place of the good one at the next saving.
            os.replace(self.newest, self._damaged)
            warnings.warn(
                f"{error} Training goes on from the state saved before it. The damaged file is "
                f"now {str(self._damaged)!r}.",
                stacklevel=2,
            )
            return state

    def _load_previous(self) -> Any:
        try:
            return state_file.read(self._previous)
        except state_file.DamagedFileError as error:
            raise _nothing_whole(error) from error


def _nothing_whole(error: Exception) -> ValueError:
    return ValueError(
        f"{error} No whole state is left to go on from. Delete the file, and `.previous` beside "
        "it, to train from the start."
    )
