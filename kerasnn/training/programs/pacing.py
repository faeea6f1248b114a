"""How many steps one call of a compiled program runs."""

# The progress bar moves at least twice a second, and Ctrl-C stops within one.
CALL_SECONDS = 0.3


def steps_for(seconds: float, pace: float | None) -> int:
    """Returns how many steps take that long, at the pace of the last call; one before any."""
    return 1 if pace is None else max(1, int(seconds / pace))
