"""Recognition of columns of numbers that count the rows of a table."""

import numpy as np

# Rows that were taken out of a table leave gaps in the numbers of the others.
_GAPS = 1.25
_FEWEST_ROWS = 10


class RowCounter:
    """Whether numbers are 0, 1, 2, ... or 1, 2, 3, ..., with few gaps, read in blocks."""

    def __init__(self) -> None:
        self._rows = 0
        self._last = 0.0
        self._counts = True

    def update(self, values: np.ndarray) -> None:
        """Adds the numbers of the next rows, with NaN for a missing one."""
        if not self._counts or not len(values):
            return
        steps = np.diff(values) if not self._rows else np.diff(values, prepend=self._last)
        starts = bool(self._rows) or values[0] in (0, 1)
        self._counts = starts and bool(np.all((steps >= 1) & (steps == np.floor(steps))))
        self._rows += len(values)
        self._last = float(values[-1])

    def refuse(self) -> None:
        """Records that the column holds other values than numbers."""
        self._counts = False

    @property
    def counts_rows(self) -> bool:
        """Whether the numbers so far count the rows."""
        return self._counts and self._rows >= _FEWEST_ROWS and self._last <= _GAPS * self._rows
