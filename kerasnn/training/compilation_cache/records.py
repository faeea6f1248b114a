"""Small files beside the compiled programs: what was measured and chosen on a machine."""

import contextlib
import json
import pathlib
import sys
from typing import Any

from kerasnn._core.atomic_files import replacing
from kerasnn.training.compilation_cache import machine
from kerasnn.training.compilation_cache.settings import Settings
from kerasnn.training.compilation_cache.store import make_private

_SUFFIX = ".json"
_MOST = 2000


class Records:
    """Values by name, kept for one processor and one version of TensorFlow.

    What cannot be read counts as missing, and what cannot be written is not kept. The oldest of
    2,000 go.

    Args:
        directory: A directory of `make_private`.
        key: `machine.key`.
    """

    def __init__(self, directory: pathlib.Path, key: str) -> None:
        self._directory, self._key = directory, key

    @classmethod
    def open(cls) -> "Records | None":
        """Returns the records of this machine; None where nothing is kept."""
        directory = Settings.read().directory
        if directory is None or sys.platform != "linux":
            return None
        try:
            make_private(directory)
            return cls(directory, machine.key())
        except (OSError, RuntimeError):
            return None

    def get(self, name: str) -> Any:
        """Returns the value of a name, or None."""
        with contextlib.suppress(OSError, ValueError):
            return json.loads(self._path(name).read_text(encoding="utf-8"))
        return None

    def keep(self, name: str, value: Any) -> Any:
        """Keeps a value, unless there is one; returns the one that is kept."""
        kept = self.get(name)
        if kept is not None:
            return kept
        with contextlib.suppress(OSError), replacing(self._path(name)) as draft:
            draft.write_text(json.dumps(value), encoding="utf-8")
        self._remove_oldest()
        return value

    def _path(self, name: str) -> pathlib.Path:
        return self._directory / f"{self._key}.{name}{_SUFFIX}"

    def _remove_oldest(self) -> None:
        paths = [p for p in self._directory.glob(f"*{_SUFFIX}") if not p.name.startswith(".")]
        if len(paths) > _MOST:
            with contextlib.suppress(OSError):
                oldest = sorted(paths, key=lambda path: path.stat().st_mtime)
                for path in oldest[: len(paths) - _MOST]:
                    path.unlink(missing_ok=True)
