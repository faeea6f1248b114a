"""Output below the cell of a notebook that replaces itself."""

import importlib
import sys
import time
from collections.abc import Callable, Iterable

_WIDTH = 20
# A notebook receives so many pictures of a bar.
INTERVAL_SECONDS = 0.25


def cell_output(kind: str) -> Callable[[str], None] | None:
    """Returns a function that shows a text below the cell in place of the last; None elsewhere.

    Args:
        kind: MIME type of the text.
    """
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    if shell is None or "IPKernelApp" not in shell.config:
        return None
    display = importlib.import_module("IPython.display").display
    handles = []

    def show(text: str) -> None:
        if handles:
            handles[0].update({kind: text}, raw=True)
        else:
            handles.append(display({kind: text}, raw=True, display_id=True))

    return show


class CellBar:
    """A progress bar like `keras.utils.Progbar` that leaves one line in a saved notebook.

    Args:
        show: Shows a text.
        what: What is being done, in a line above the bar; "" for none.
        total: Number of steps; None if it is not known.
        unit: What a step is called.
    """

    def __init__(
        self, show: Callable[[str], None], what: str, total: int | None, unit: str
    ) -> None:
        self._show, self._total, self._unit = show, total, unit
        self._above = what and f"{what}\n"
        self._began, self._last = time.perf_counter(), -float("inf")

    def update(self, current: int, values: Iterable[tuple[str, float]], *, finalize: bool) -> None:
        """Shows the number of steps done, the time left or taken, and values."""
        now = time.perf_counter()
        if not finalize and now - self._last < INTERVAL_SECONDS:
            return
        self._last = now
        seconds = now - self._began
        words = [f"{current}/{self._total or '?'}"]
        if self._total:
            full = _WIDTH * current // self._total
            words.append("━" * full + "·" * (_WIDTH - full))
        if finalize or not self._total or not current:
            words.append(f"{seconds:.0f} s")
        else:
            words.append(f"{seconds / current * (self._total - current):.0f} s left")
        if current:
            each = max(seconds, 1e-9) / current
            rate = f"{1 / each:.3g} {self._unit}/s" if each < 1 else f"{each:.3g} s/{self._unit}"
            words.append(f"({rate})")
        line = " - ".join([" ".join(words), *(f"{name}: {v:.4g}" for name, v in values)])
        self._show(self._above + line)
