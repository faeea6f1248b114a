"""Messages from the page on their way to the training thread."""

import collections
import dataclasses
import queue
import threading
from collections.abc import Callable, Mapping
from typing import Any

from kerasnn import _checks

TYPES = (
    "configure",
    "play",
    "pause",
    "step",
    "reset",
    "regenerate",
    "set_weight",
    "watch",
    "ask",
)
#: What does not wait until the end of a long epoch.
_URGENT = ("configure", "pause", "reset", "regenerate", "set_weight")
_MOST_WAITING = 500


@dataclasses.dataclass(frozen=True, eq=False)
class Command:
    """A message from the page, or something to do in the training thread.

    Attributes:
        message: The message; empty for something to do.
        action: What to do.
    """

    message: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    action: Callable[[], None] | None = None

    @property
    def kind(self) -> str:
        """Type of the message; empty for something to do."""
        return self.message.get("type", "")

    @property
    def number(self) -> int | float | str | None:
        """What the answer names: the `id` of the message."""
        number = self.message.get("id")
        if isinstance(number, str):
            return number[:100]
        return number if isinstance(number, (int, float)) else None


def checked(message: Any) -> Command:
    """Returns a message from the page as a command.

    Raises:
        InvalidArgument: If it is no object with a known type.
    """
    if not isinstance(message, Mapping):
        got = type(message).__name__
        raise _checks.InvalidArgument("message", "be a JSON object", message, got=got)
    _checks.one_of("type", message.get("type"), TYPES)
    return Command(message)


class Mailbox:
    """Commands in their order, from several threads to one.

    Of several configurations that follow one another only the last is kept: no page waits for the
    others.
    """

    def __init__(self) -> None:
        self._queue: queue.Queue[Command] = queue.Queue(_MOST_WAITING)
        self._ahead: collections.deque[Command] = collections.deque()
        self._urgent, self._counting = 0, threading.Lock()

    @property
    def is_urgent(self) -> bool:
        """Whether a command waits that should not wait for the end of a long epoch."""
        return self._urgent > 0

    def put(self, command: Command) -> None:
        """Adds a command.

        Raises:
            InvalidArgument: If too many wait already.
        """
        self._count(command, 1)
        try:
            self._queue.put_nowait(command)
        except queue.Full:
            self._count(command, -1)
            raise _checks.InvalidArgument(
                "message",
                "come when the ones before it are done",
                command.kind,
                "Send fewer.",
                got=f"one more than the {_MOST_WAITING} that wait",
            ) from None

    def take(self, *, wait: bool, seconds: float | None = None) -> Command | None:
        """Returns the next command, or None if there is none.

        Args:
            wait: Whether to wait for one.
            seconds: The longest time to wait; None for no limit.
        """
        if not self._ahead:
            try:
                self._ahead.append(self._queue.get(block=wait, timeout=seconds))
            except queue.Empty:
                return None
        # Not more, so that those that wait are never many more than a queue holds.
        while len(self._ahead) < _MOST_WAITING:
            try:
                self._ahead.append(self._queue.get_nowait())
            except queue.Empty:
                break
        command = self._next()
        while command.kind == "configure" and self._ahead and self._ahead[0].kind == "configure":
            command = self._next()
        return command

    def _next(self) -> Command:
        command = self._ahead.popleft()
        self._count(command, -1)
        return command

    def _count(self, command: Command, number: int) -> None:
        if command.kind in _URGENT:
            with self._counting:
                self._urgent += number
