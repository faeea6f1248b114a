"""IPython as it is in a notebook, with what it shows below a cell."""

import sys
import types
from typing import Any

import pytest


def fake_notebook(monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    """Puts a notebook in place of IPython.

    Returns:
        `shown`, each text that was shown; `outputs`, the number of outputs that the cell is left
        with; and `shell`.
    """
    notebook = types.SimpleNamespace(shown=[], outputs=0)
    display: Any = types.ModuleType("IPython.display")

    def update(data: dict[str, str], *, raw: bool) -> None:
        assert raw
        notebook.shown.extend(data.values())

    def first(data: dict[str, str], *, raw: bool, display_id: bool) -> Any:
        assert display_id
        notebook.outputs += 1
        update(data, raw=raw)
        return types.SimpleNamespace(update=update)

    display.display = first
    ipython: Any = types.ModuleType("IPython")
    notebook.shell = types.SimpleNamespace(config={"IPKernelApp": {}})
    # Matplotlib asks for it.
    ipython.version_info = (9, 0)
    ipython.get_ipython = lambda: notebook.shell
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return notebook
