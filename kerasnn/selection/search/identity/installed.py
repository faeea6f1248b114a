"""What is of Python, of kerasnn or of a package beside it, and so changes with a version alone."""

import importlib.util
import os
import site
import sys
import sysconfig
import types
from typing import Any

_PATHS = {sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")}
_FOLDERS = tuple(
    os.path.join(path, "")
    for path in {*_PATHS, *site.getsitepackages(), site.getusersitepackages()}
)


def is_installed(module: str) -> bool:
    """Whether a module is no part of the user's own code.

    >>> is_installed("keras.layers"), is_installed("__main__")
    (True, False)
    """
    top = module.partition(".")[0]
    if module == "__main__":
        # Of a session within a tool, its file may be the tool's.
        return False
    # Cython's functions are of a module of its own, which is no file.
    if top == "kerasnn" or top in sys.builtin_module_names or top.startswith("_cython_"):
        return True
    path = getattr(sys.modules.get(module), "__file__", None) or _origin(top)
    return path is not None and (path == "frozen" or path.startswith(_FOLDERS))


def is_own(value: Any) -> bool:
    """Whether an object is a module of the user's own."""
    return isinstance(value, types.ModuleType) and not is_installed(value.__name__)


def version(module: str) -> str:
    """Returns the version of the package that a module is of, or nothing."""
    return str(getattr(sys.modules.get(module.partition(".")[0]), "__version__", ""))


def _origin(package: str) -> str | None:
    """Returns where a package is or would be imported from."""
    try:
        found = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    if found is None:
        return None
    # A package without a file of its own has folders.
    return found.origin or next(iter(found.submodule_search_locations or ()), None)
