"""Progress bar of reading a file."""

import sys
import time
from typing import Any

import keras

_PATIENCE_SECONDS = 2
_UNIT = 10**6


class ReadingBar:
    """Shows the megabytes read, on a terminal, where reading takes over two seconds.

    Args:
        size: Bytes of the file.
        shown: False for silence.
    """

    def __init__(self, size: int, *, shown: bool) -> None:
        self._size = size
        self._shown = shown and sys.stdout.isatty()
        self._done = 0
        self._began = time.perf_counter()
        self._bar: keras.utils.Progbar | None = None

    def __enter__(self) -> "ReadingBar":
        return self

    def __exit__(self, *_: Any) -> None:
        if self._bar is not None:
            self._bar.update(self._done // _UNIT, finalize=True)

    def add(self, size: int) -> None:
        """Receives the number of bytes that were read since."""
        self._done += size
        waited = time.perf_counter() - self._began
        if self._bar is None and self._shown and waited > _PATIENCE_SECONDS:
            print("Reading the table")
            self._bar = keras.utils.Progbar(max(1, self._size // _UNIT), unit_name="MB")
        if self._bar is not None:
            self._bar.update(self._done // _UNIT, finalize=False)
