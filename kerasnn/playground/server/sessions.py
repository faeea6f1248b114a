"""The sessions of a server: how many, and for how long."""

import dataclasses
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import keras

from kerasnn.playground.configuration import Configuration
from kerasnn.playground.points.tables import Table
from kerasnn.playground.server.uploads import KnownTables, Uploads
from kerasnn.playground.session.outbox import Outbox
from kerasnn.playground.session.session import Session
from kerasnn.playground.session.training.lockstep import Lockstep

#: A session ends after so many seconds without a message from its page.
IDLE_SECONDS = 3600.0
_JOIN_SECONDS = 0.5


class FullError(RuntimeError):
    """There are as many sessions as there may be."""


@dataclasses.dataclass(eq=False)
class Open:
    """A session that a page is connected to.

    Attributes:
        session: The session.
        outbox: What its page is to receive.
        touched: Time of the last message.
        reason: Why it has ended; empty while it has not.
    """

    session: Session
    outbox: Outbox
    touched: float
    reason: str = ""


class Sessions:
    """All open sessions.

    Args:
        most: How many may be open.
        table: A table that every session has, or None.
        target: Column of it to predict.
        idle_seconds: How long a session stays without a message.
        clock: Returns the time in seconds.

    Attributes:
        uploads: Tables that pages have sent.
    """

    def __init__(
        self,
        most: int = 4,
        *,
        table: Table | None = None,
        target: str | None = None,
        idle_seconds: float = IDLE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most, self._table, self._target = most, table, target
        self._idle_seconds, self._clock = idle_seconds, clock
        self.uploads = Uploads()
        self._open: dict[str, Open] = {}
        self._slow, self._lockstep = threading.Lock(), Lockstep()
        self._alive, self._counting = 0, threading.Lock()
        self._is_over = False

    def __iter__(self) -> Iterator[Open]:
        """Iterates over the open sessions."""
        return iter(list(self._open.values()))

    def __len__(self) -> int:
        """Returns the number of open sessions."""
        return len(self._open)

    def open(self, wake: Callable[[], None]) -> Open:
        """Opens a session.

        Args:
            wake: Called, in any thread, when its page is to receive something.

        Raises:
            FullError: If there are as many as there may be.
        """
        if len(self._open) >= self._most:
            raise FullError(
                f"{self._most} networks train here already, which is the limit. Close another tab, "
                "or start the playground with --sessions."
            )
        identifier = secrets.token_hex(8)
        outbox = Outbox(wake)
        with self._counting:
            self._alive += 1
        session = Session(
            identifier,
            outbox,
            self._first(),
            KnownTables(self.uploads, self._table),
            self._slow,
            lockstep=self._lockstep,
            tidy=self._tidy,
            ended=self._ended,
        )
        found = Open(session, outbox, self._clock())
        self._open[identifier] = found
        return found

    def find(self, identifier: str) -> Open | None:
        """Returns an open session by its identifier."""
        return self._open.get(identifier)

    def touch(self, opened: Open) -> None:
        """Notes that a session's page has sent something."""
        opened.touched = self._clock()

    def close(self, opened: Open) -> None:
        """Ends a session."""
        self._open.pop(opened.session.identifier, None)
        opened.session.close()

    def leave(self) -> None:
        """Ends all trainings, as the process ends: their pages are told, and nothing is freed.

        It may be called by the handler of a signal, so it waits for no thread.
        """
        self._is_over = True
        for opened in self:
            opened.reason = "The server has ended. Start it again, and open the new address."
            opened.session.leave()

    def close_all(self) -> None:
        """Ends all sessions, waits a moment for their threads, and removes the uploads."""
        self._is_over = True
        ended = list(self)
        for opened in ended:
            self.close(opened)
        until = time.monotonic() + _JOIN_SECONDS
        for opened in ended:
            opened.session.join(max(0.0, until - time.monotonic()))
        self.uploads.close()

    def end_idle(self) -> Sequence[Open]:
        """Ends the sessions whose pages have sent nothing for long; returns them."""
        now = self._clock()
        ended = [each for each in self if now - each.touched > self._idle_seconds]
        for opened in ended:
            opened.reason = "The session was idle for long and has ended. Reload the page."
            self.close(opened)
        return ended

    def _ended(self) -> None:
        """Frees memory when the last session has ended."""
        with self._counting:
            self._alive -= 1
            if not self._alive and not self._is_over:
                keras.utils.clear_session()

    def _tidy(self) -> None:
        """Frees memory where the one session that asks for it is the only one.

        TensorFlow keeps the kernels of each program that was traced, a few megabytes a network,
        also of those that are gone. Keras frees them for the whole process alone.
        """
        with self._counting:
            if self._alive == 1 and not self._is_over:
                keras.utils.clear_session()

    def _first(self) -> Configuration:
        if self._table is None:
            return Configuration()
        return Configuration(dataset="table", table=self._table.identifier, target=self._target)
