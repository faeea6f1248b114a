"""What the code of a function refers to outside of itself."""

import dis
import sys
import types
from typing import Any

from kerasnn.selection.installed import is_installed

# What lies between a value and what is done with it, and leaves it on top.
_SILENT = ("CACHE", "COPY", "NOP", "POP_TOP", "PRECALL", "PUSH_NULL", "RESUME", "SWAP")
_GLOBAL = ("LOAD_GLOBAL", "LOAD_NAME")
_ATTRIBUTE = ("LOAD_ATTR", "LOAD_METHOD")


def mentions(function: types.FunctionType) -> dict[str, Any]:
    """Returns the variables of its module, and what it takes from modules, by their names.

    A module of the user's that it imports is imported here, as it would be by a call. What is
    taken from an installed module is given as text: its name says all.

    >>> sorted(mentions(mentions))
    ['_Scan', 'cells']
    """
    scan = _Scan(function.__globals__)
    scan.read(function.__code__, cells(function))
    return scan.found


def cells(function: types.FunctionType) -> dict[str, Any]:
    """Returns the variables that a function has from the functions around it."""
    found: dict[str, Any] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:
            # A name that is set later.
            found[name] = None
    return found


class _Scan:
    """Follows names through code from its first line to its last."""

    def __init__(self, variables: dict[str, Any]) -> None:
        self.found: dict[str, Any] = {}
        self._variables = variables

    def read(self, code: types.CodeType, names: dict[str, Any]) -> None:
        """Notes what code mentions; adds to `names` the modules that it calls by a name."""
        top: tuple[str, Any] | None = None
        imported: tuple[str, Any] | None = None
        steps = list(dis.get_instructions(code))
        for i, step in enumerate(steps):
            kind, name = step.opname, step.argval
            if kind in _GLOBAL:
                top = self._found(name, self._variables) or self._found(name, names)
            elif kind in _ATTRIBUTE and top:
                top = self._attribute(top, name)
            elif kind == "IMPORT_NAME":
                top = imported = self._module(name, steps[i - 2].argval, steps[i - 1].argval)
            elif kind == "IMPORT_FROM" and imported:
                top = self._attribute(imported, name)
                imported = top if steps[i + 1].opname == "SWAP" else imported
            elif kind.startswith(("STORE_FAST", "STORE_DEREF")) and top:
                for each in name if isinstance(name, tuple) else (name,):
                    names.setdefault(each, top[1])
                top = None
            elif kind.startswith(("LOAD_FAST", "LOAD_DEREF", "LOAD_CLASSDEREF")):
                last = name[-1] if isinstance(name, tuple) else name
                top = (last, names[last]) if last in names else None
            elif kind not in _SILENT:
                top = None
        for const in code.co_consts:
            if isinstance(const, types.CodeType):
                self.read(const, dict(names))

    def _found(self, name: str, known: dict[str, Any]) -> tuple[str, Any] | None:
        if name not in known:
            return None
        self.found[name] = known[name]
        return name, known[name]

    def _attribute(self, owner: tuple[str, Any], name: str) -> tuple[str, Any] | None:
        """Returns what a module holds."""
        path, module = owner
        if not isinstance(module, types.ModuleType) or not hasattr(module, name):
            return None
        value, path = getattr(module, name), f"{path}.{name}"
        is_text = is_installed(module.__name__)
        self.found[path] = f"{module.__name__}.{name}" if is_text else value
        return path, value

    def _module(self, name: str, level: Any, wanted: Any) -> tuple[str, Any] | None:
        top = name.partition(".")[0]
        if not level and top not in sys.modules and is_installed(top):
            self.found[name] = name
            return None
        try:
            module = __import__(name, self._variables, None, wanted or (), level or 0)
        except ImportError:
            return None
        return module.__name__, module
