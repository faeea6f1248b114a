"""What the code of a function refers to outside of itself."""

import dis
import re
import sys
import types
from collections.abc import Iterator
from typing import Any

from kerasnn.selection.search.identity.installed import is_installed, is_own

# What lies between a value and what is done with it, and leaves it on top.
_SILENT = ("CACHE", "COPY", "NOP", "POP_TOP", "PRECALL", "PUSH_NULL", "RESUME", "SWAP")
_GLOBAL = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")
_LOCAL = ("LOAD_FAST", "LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF")
_STORE = ("STORE_FAST", "STORE_DEREF")
_ATTRIBUTE = ("LOAD_ATTR", "LOAD_METHOD")
# What takes a part of a module, or gives it a name, and so hands it to nobody.
_TAKING = (*_SILENT, *_STORE, *_ATTRIBUTE, "IMPORT_FROM", "STORE_ATTR")


def mentions(function: types.FunctionType) -> dict[str, Any]:
    """Returns the variables of its module, and what it takes from modules, by their names.

    A module of the user's that it imports is imported here, as it would be by a call. What is
    taken from an installed module is given as text: its name says all. So is a module of the
    user's of which only parts are taken; one that is handed on is given whole.

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
        steps = list(_steps(code))
        for i, (kind, name) in enumerate(steps):
            # A copy, or one that was swapped in, is followed no further; but see `import a.b as c`.
            is_moved = kind in ("COPY", "SWAP") and steps[i - 1][0] != "IMPORT_FROM"
            if top and (is_moved or kind not in _TAKING):
                self._whole(top)
            if kind in _GLOBAL:
                top = self._found(name, self._variables) or self._found(name, names)
            elif kind in _ATTRIBUTE and top:
                top = self._attribute(top, name)
            elif kind == "IMPORT_NAME":
                top = imported = self._module(name, steps[i - 2][1], steps[i - 1][1])
            elif kind == "IMPORT_FROM" and imported:
                top = self._attribute(imported, name)
                imported = top if steps[i + 1][0] == "SWAP" else imported
            elif kind in _STORE and top:
                if names.setdefault(name, top[1]) is not top[1]:
                    self._whole(top)
                top = None
            elif kind.startswith(_LOCAL):
                top = (name, names[name]) if name in names else None
            elif kind not in _SILENT:
                top = None
        for const in code.co_consts:
            if isinstance(const, types.CodeType):
                self.read(const, dict(names))

    def _whole(self, owner: tuple[str, Any]) -> None:
        """Notes a module of the user's that goes where its use is not seen."""
        if is_own(owner[1]):
            self.found[f"module {owner[1].__name__}"] = owner[1]

    def _found(self, name: str, known: dict[str, Any]) -> tuple[str, Any] | None:
        if name not in known:
            return None
        self._note(name, known[name])
        return name, known[name]

    def _note(self, path: str, value: Any) -> None:
        self.found.setdefault(path, value.__name__ if is_own(value) else value)

    def _attribute(self, owner: tuple[str, Any], name: str) -> tuple[str, Any] | None:
        """Returns what a module holds."""
        module = owner[1]
        if not isinstance(module, types.ModuleType) or not hasattr(module, name):
            return None
        value, path = getattr(module, name), f"{module.__name__}.{name}"
        self._note(path, path if is_installed(module.__name__) else value)
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


def _steps(code: types.CodeType) -> Iterator[tuple[str, Any]]:
    """Yields the instructions, those that do two things as two."""
    held = {*code.co_cellvars, *code.co_freevars}
    for step in dis.get_instructions(code):
        pair = re.findall("(?:LOAD|STORE)_FAST", step.opname)
        for kind, name in (
            zip(pair, step.argval, strict=True) if len(pair) > 1 else [(step.opname, step.argval)]
        ):
            # For a function within, Python loads the cell, not what is in it.
            is_cell = kind == "LOAD_FAST" and name in held
            yield ("LOAD_CLOSURE" if is_cell else kind), name
