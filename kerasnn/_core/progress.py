"""Progress bar over folds."""

from typing import Any

import keras

from kerasnn import _checks


class Progress:
    """Shows finished folds, the best score so far and the time left.

    Args:
        total: Number of folds.
        verbose: 1 for a bar, 0 for silence.
        unit: What a step is called.
    """

    def __init__(self, total: int, verbose: int, *, unit: str = "fold") -> None:
        _checks.verbosity(verbose)
        names = ["best"]
        bar = keras.utils.Progbar
        self._bar = bar(total, stateful_metrics=names, unit_name=unit) if verbose else None
        self._done = 0
        self._best: float | None = None

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: Any) -> None:
        if self._bar is None:
            return
        if self._done < self._bar.target:
            print()
        else:
            # Last, so that it shows the score of the last fold.
            self._show(self._bar)

    def note(self, score: float) -> None:
        """Receives a score; higher is better."""
        if self._best is None or score > self._best:
            self._best = score

    def step(self, count: int = 1) -> None:
        """Advances the bar."""
        self._done += count
        if self._bar is not None and count and self._done < self._bar.target:
            self._show(self._bar)

    def _show(self, bar: Any) -> None:
        bar.update(self._done, [] if self._best is None else [("best", self._best)])
