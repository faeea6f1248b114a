"""What is done when the process is asked to end."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

# What a shell says of a process that SIGTERM has ended: 128 and the signal's number.
EXIT_CODE = 143


class Termination:
    """Answers SIGTERM by one last call and `SystemExit(143)`, but never within `held`.

    Args:
        last: What is called before the process ends.
    """

    def __init__(self, last: Callable[[], None]) -> None:
        self._last = last
        self._is_held = self._asked = False

    @contextlib.contextmanager
    def awaited(self) -> Iterator[None]:
        """Listens to SIGTERM; outside the main thread Python does not allow it."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGTERM, self._answer)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Lets what is done within it be done to its end."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
        if self._asked:
            raise SystemExit(EXIT_CODE)

    def _answer(self, *_: Any) -> None:
        self._asked = True
        if not self._is_held:
            self._last()
            raise SystemExit(EXIT_CODE)
