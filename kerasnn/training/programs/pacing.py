"""Number of steps in one call of a compiled program."""

import time
from typing import Any

from kerasnn._core.process.strategy import has_workers

# The progress bar moves at least twice a second, and Ctrl-C stops within one.
_CALL_SECONDS = 0.3
# Several workers have to agree about it, and their clocks do not.
_WORKERS_STEPS = 512


class Pacer:
    """Chooses how many steps the next call runs, so that each takes about 0.3 s.

    Surround each call by `start` and `stop`. The first call runs one step.

    Args:
        seconds: Time of a call in place of 0.3 s.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self._call_seconds = _CALL_SECONDS if seconds is None else seconds
        self._step_seconds: float | None = None
        self._began = 0.0

    def steps(self) -> int:
        """Returns the number of steps of the next call."""
        if self._step_seconds is None:
            return 1
        return max(1, int(self._call_seconds / self._step_seconds))

    def start(self) -> None:
        """Starts the clock."""
        self._began = time.perf_counter()

    def stop(self, steps: int) -> None:
        """Stops the clock after a call that has run so many steps."""
        if steps:
            self._step_seconds = (time.perf_counter() - self._began) / steps


class FixedPacer(Pacer):
    """Chooses the same number of steps for every call, for workers that train together."""

    def steps(self) -> int:
        """Returns the number of steps of the next call."""
        return _WORKERS_STEPS


def pacer_for(model: Any, seconds: float | None = None) -> Pacer:
    """Returns what paces the calls of a model's program."""
    return FixedPacer() if has_workers(model) else Pacer(seconds)
