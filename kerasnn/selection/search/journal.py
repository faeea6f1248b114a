"""Journal of a search: a file of results, from which a killed search resumes."""

import contextlib
import json
import os
import pathlib
from collections.abc import Iterator
from typing import Any

from kerasnn import _checks
from kerasnn._core.atomic_files import flush
from kerasnn._core.process.lock import path_lock
from kerasnn.selection.folds.fold import FoldResult

Key = tuple[int, int, int, int]

# Fields of a fold's result that a line holds.
_KEPT = ("scores", "best_epoch", "seconds", "score_seconds")


class Journal:
    """A file of JSON lines: the identity of the search, then the result of each fold.

    A line is on the disk before the next folds begin. A line that a killed process wrote in part is
    cut off; the fold is then run again, with the same result to rounding.

    Args:
        path: The file, created where there is none; None keeps results in memory alone.
        search: Argument -> identity, which has to be that of the file.

    Raises:
        InvalidArgument: If the file is of another search, or no journal.
    """

    def __init__(self, path: Any, search: dict[str, str]) -> None:
        self.search = search
        self._path = None if path is None else pathlib.Path(path)
        self._found: dict[Key, dict[str, Any]] = {}
        if self._path is None:
            return
        header = {"kerasnn.selection.tune": search}
        lines = self._read()
        if not lines:
            self._path.write_bytes(b"")
            self._append(header)
            flush(self._path.parent)
            return
        self._check(lines[0], search)
        for number, line in enumerate(lines[1:], 2):
            if not _is_result(line, search.get("metric")):
                raise self._damaged(number)
            self._found[tuple(line["key"])] = line

    @property
    def is_kept(self) -> bool:
        """Whether there is a file."""
        return self._path is not None

    def get(self, key: Key) -> FoldResult | str | None:
        """Returns the result of a fold, the text of its error, or None where neither is known."""
        line = self._found.get(key)
        if line is None:
            return None
        if "error" in line:
            return str(line["error"])
        return FoldResult(**{name: line[name] for name in _KEPT})

    def put(self, key: Key, result: FoldResult | str) -> None:
        """Adds a result: it is on the disk when this returns."""
        line: dict[str, Any] = {"key": key}
        line |= {"error": result} if isinstance(result, str) else kept_fields(result)
        self._found[key] = line
        self._append(line)

    def _append(self, line: dict[str, Any]) -> None:
        if self._path is None:
            return
        with open(self._path, "ab") as file:
            file.write(json.dumps(line).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _read(self) -> list[Any]:
        path = self._path
        if path is None or not path.exists():
            return []
        data = path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        lines = []
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                lines.append(json.loads(line))
            except ValueError:
                raise (self._foreign() if number == 1 else self._damaged(number)) from None
        if data and not lines and not b'{"kerasnn.selection.tune"'.startswith(data[:20]):
            raise self._foreign()
        if len(whole) < len(data):
            with open(path, "r+b") as file:
                file.truncate(len(whole))
        return lines

    def _check(self, header: Any, search: dict[str, str]) -> None:
        saved = header.get("kerasnn.selection.tune") if isinstance(header, dict) else None
        if not isinstance(saved, dict):
            raise self._foreign()
        require_same("journal", str(self._path), saved, search)

    def _foreign(self) -> _checks.InvalidArgument:
        rule, got = "be a file that `tune` has written, or a new one", f"`{self._path}`"
        return _checks.InvalidArgument(
            "journal", rule, str(self._path), "Give another path.", got=got
        )

    def _damaged(self, number: int) -> _checks.InvalidArgument:
        rule, hint = "be an undamaged file", "Delete that line, and its fold is run again."
        got = f"line {number} of `{self._path}`, which is no result of a fold"
        return _checks.InvalidArgument("journal", rule, str(self._path), hint, got=got)


def kept_fields(result: FoldResult) -> dict[str, Any]:
    """Returns the fields of a result that searches keep, as JSON can hold them."""
    return {name: getattr(result, name) for name in _KEPT}


def _is_result(line: Any, metric: str | None) -> bool:
    """Whether a line is the result of a fold, with a score by which settings are compared."""
    if not isinstance(line, dict) or not isinstance(line.get("key"), list):
        return False
    if len(line["key"]) != 4 or any(type(part) is not int for part in line["key"]):
        return False
    if "error" in line:
        return isinstance(line["error"], str)
    scores = line.get("scores")
    if not isinstance(scores, dict) or metric not in {None, *map(repr, scores)}:
        return False
    numbers = [*scores.values(), *(line.get(name) for name in _KEPT[1:])]
    return all(type(number) in (int, float) for number in numbers)


def require_same(
    argument: str, place: str, saved: dict[str, str], search: dict[str, str], hint: str = ""
) -> None:
    """Raises where the results that a place holds are of another search."""
    for name in search:
        if saved.get(name) != search[name]:
            got = f"`{place}`, which was started with {name}={saved.get(name)}"
            rule = f"be of this search, with {name}={search[name]}"
            hint = hint or f"Give another `{argument}`, or the old arguments."
            raise _checks.InvalidArgument(argument, rule, place, hint, got=got)


@contextlib.contextmanager
def open_journal(path: Any, search: dict[str, str]) -> Iterator[Journal]:
    """Opens a journal, and keeps other processes off it."""
    with contextlib.ExitStack() as stack:
        if path is not None:
            _checks.file_name("journal", path)
            file = pathlib.Path(path)
            if file.is_dir() or not file.absolute().parent.is_dir():
                raise _checks.InvalidArgument(
                    "journal", "be a file in a folder that exists", str(path)
                )
            stack.enter_context(path_lock(file, "journal"))
        yield Journal(path, search)
