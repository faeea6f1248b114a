"""Progress bars of what may take long."""

import os
import sys
import time
from typing import Any, Self

import keras

from kerasnn import _checks
from kerasnn._core.display.cell import CellBar, cell_output

_PATIENCE_SECONDS = 2


def is_shown_live() -> bool:
    """Whether somebody watches: in a terminal, a notebook or PyCharm."""
    watched = "ipykernel" in sys.modules or "PYCHARM_HOSTED" in os.environ
    # A program may have put anything with a `write` in its place.
    return watched or bool(getattr(sys.stdout, "isatty", bool)())


def verbosity(verbose: Any) -> Any:
    """Returns Keras's `verbose` with a number for "auto": 1 where somebody watches, else 2.

    A bar of Keras writes control characters, which a file would keep; a line an epoch has none.
    """
    if _checks.is_one_of(verbose, "auto"):
        return 1 if is_shown_live() else 2
    return verbose


class Bar:
    """A progress bar with what is being done, and the time left.

    Args:
        what: What is being done, in a line above the bar; "" for none.
        total: Number of steps; None if it is not known.
        verbose: 1 for a bar, 0 for silence, "auto" for a bar where somebody watches and the work
            takes over two seconds.
        unit: What a step is called.

    Raises:
        InvalidArgument: If `verbose` is none of these.

    Attributes:
        is_silent: Whether it never shows anything.
    """

    def __init__(
        self, what: str, total: int | None, verbose: int | str, *, unit: str = "step"
    ) -> None:
        if verbose not in (0, 1, "auto"):
            raise _checks.InvalidArgument("verbose", "be 0, 1 or 'auto'", verbose)
        self._total = total
        self.is_silent = not verbose or (verbose == "auto" and not is_shown_live())
        self._patience = _PATIENCE_SECONDS if verbose == "auto" else 0
        self._began = time.perf_counter()
        # Made here, since it computes the time left from when it was made. No value is averaged.
        show = cell_output("text/plain")
        self._bar = (
            keras.utils.Progbar(total, stateless_metrics=(), unit_name=unit)
            if show is None
            else CellBar(show, what, total, unit)
        )
        self._title = what if show is None else ""
        self._is_shown = False
        self._done = 0.0
        self._values: dict[str, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        # Last, so that it shows the last values; the line ends also where the work broke off.
        if self._is_shown:
            self._show(finalize=True)

    def step(self, count: float = 1, /, **values: float) -> None:
        """Advances the bar, and takes values to show behind it."""
        self._done += count
        self._values.update(values)
        if self.is_silent or not count:
            return
        if not self._is_shown and time.perf_counter() - self._began >= self._patience:
            if self._title:
                print(self._title)
            self._is_shown = True
        if self._is_shown and (self._total is None or self._done < self._total):
            self._show(finalize=False)

    def _show(self, *, finalize: bool) -> None:
        done = self._done if self._total is None else min(self._done, self._total)
        self._bar.update(int(done), list(self._values.items()), finalize=finalize)


class Progress(Bar):
    """Shows finished folds, the best score so far and the time left.

    Args:
        what: What is being done.
        total: Number of folds.
        verbose: As of `Bar`.
        unit: What a step is called.
    """

    def __init__(self, what: str, total: int, verbose: int | str, *, unit: str = "fold") -> None:
        super().__init__(what, total, verbose, unit=unit)

    def note(self, name: str, score: float, *, sign: int = 1) -> None:
        """Receives a score, to show the best one so far.

        Args:
            name: What is scored.
            score: The score.
            sign: -1 where less of it is better, else 1.
        """
        label = f"best {name}"
        if label not in self._values or sign * score > sign * self._values[label]:
            self._values[label] = score
