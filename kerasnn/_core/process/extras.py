"""Packages that only an extra of this one installs."""

import importlib.util
from collections.abc import Sequence


def missing(extra: str, packages: Sequence[str]) -> str:
    """Returns what to install where packages are missing; empty where all are there.

    >>> missing("playground", ["json"])
    ''
    """
    lacking = [name for name in packages if importlib.util.find_spec(name) is None]
    if not lacking:
        return ""
    return (
        f"the {extra} needs {', '.join(lacking)}. Install what it needs with "
        f"`pip install 'kerasnn[{extra}]'`."
    )
