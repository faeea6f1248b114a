"""Uploaded tables, which all pages of a server may name."""

import collections
import pathlib
import secrets
import tempfile
import threading
from collections.abc import Iterator, Mapping

from kerasnn.playground.points.tables import Table, read_table

#: Tables of a server; of more the one goes that was asked for the longest time ago.
MOST_TABLES = 10


class Uploads:
    """The uploaded tables of a server, on disk, from its start to its end.

    A page that is loaded again names its table by its identifier, which nobody can guess.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tables: collections.OrderedDict[str, Table] = collections.OrderedDict()
        self._folder: tempfile.TemporaryDirectory | None = None

    def add(self, content: bytes, name: str) -> Table:
        """Keeps a CSV file.

        Args:
            content: Its bytes.
            name: Its name where it came from.

        Raises:
            InvalidArgument: If it is no table.
        """
        path = self._path()
        try:
            path.write_bytes(content)
            table = read_table(path, name)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        with self._lock:
            self._tables[table.identifier] = table
            if len(self._tables) > MOST_TABLES:
                _, oldest = self._tables.popitem(last=False)
                oldest.path.unlink(missing_ok=True)
        return table

    def find(self, identifier: str) -> Table | None:
        """Returns a table by its identifier."""
        with self._lock:
            if identifier in self._tables:
                self._tables.move_to_end(identifier)
            return self._tables.get(identifier)

    def close(self) -> None:
        """Removes all tables."""
        with self._lock:
            self._tables.clear()
            if self._folder is not None:
                self._folder.cleanup()
                self._folder = None

    def _path(self) -> pathlib.Path:
        with self._lock:
            if self._folder is None:
                self._folder = tempfile.TemporaryDirectory(prefix="kerasnn-playground-")
            return pathlib.Path(self._folder.name, f"{secrets.token_hex(8)}.csv")


class KnownTables(Mapping[str, Table]):
    """The tables that a session knows: that of the command line, and those it has named.

    It finds every table of the server by its identifier, and lists only those.

    Args:
        uploads: The tables of the server.
        table: The table of the command line, or None.
    """

    def __init__(self, uploads: Uploads, table: Table | None) -> None:
        self._uploads, self._table = uploads, table
        self._named: list[str] = []

    def __getitem__(self, identifier: str) -> Table:
        """Returns a table."""
        if self._table is not None and identifier == self._table.identifier:
            return self._table
        found = self._uploads.find(identifier)
        if found is None:
            raise KeyError(identifier)
        if identifier not in self._named:
            self._named.append(identifier)
        return found

    def __iter__(self) -> Iterator[str]:
        """Iterates over the identifiers of the tables that are listed and still there."""
        own = [] if self._table is None else [self._table.identifier]
        self._named = [name for name in self._named if self._uploads.find(name) is not None]
        return iter([*own, *self._named])

    def __len__(self) -> int:
        """Returns the number of tables that are listed."""
        return len(list(iter(self)))
