"""Handler of SIGTERM that saves before the process ends."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

# What a shell reports for a process that SIGTERM has ended: 128 plus the signal's number.
EXIT_CODE = 143


class Termination:
    """Answers SIGTERM by one last call and `SystemExit(143)`.

    Args:
        last_call: What is called before the process ends.
    """

    def __init__(self, last_call: Callable[[], None]) -> None:
        self._last_call = last_call
        self._is_postponed = self._is_requested = False

    @contextlib.contextmanager
    def handled(self) -> Iterator[None]:
        """Installs the handler; outside the main thread Python does not allow it."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGTERM, self._handle)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)

    @contextlib.contextmanager
    def postponed(self) -> Iterator[None]:
        """Lets what runs within the context run to its end before the process ends."""
        self._is_postponed = True
        try:
            yield
        finally:
            self._is_postponed = False
        if self._is_requested:
            raise SystemExit(EXIT_CODE)

    def _handle(self, *_: Any) -> None:
        self._is_requested = True
        if not self._is_postponed:
            self._last_call()
            raise SystemExit(EXIT_CODE)
