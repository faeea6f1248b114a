"""Names that Keras counts on with every object that a process makes."""

import itertools
import re
from collections.abc import Collection, Iterable
from typing import Any


def is_automatic(kind: str, name: str) -> bool:
    """Whether a name is what Keras gives to an object of some class that is given none.

    >>> is_automatic("AUC", "auc_12"), is_automatic("AUC", "auc_pr")
    (True, False)
    """
    return re.fullmatch(rf"{re.escape(automatic(kind))}(_\d+)?", name) is not None


def automatic(kind: str) -> str:
    """Returns the name of the first object of a class.

    >>> automatic("BinaryIoU")
    'binary_io_u'
    """
    words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", kind)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()


def as_if_first(objects: Iterable[Any], own: Collection[str] = ()) -> dict[str, str]:
    """Returns name -> name that an object would have in a process that makes no others.

    Args:
        objects: Objects with names.
        own: Names that look as if Keras had given them, and are the user's.
    """
    found: dict[str, str] = {}
    for one in objects:
        kind = type(one).__name__
        if one.name in found or one.name in own or not is_automatic(kind, one.name):
            continue
        base = automatic(kind)
        free = (f"{base}_{number}" if number else base for number in itertools.count())
        found[one.name] = next(name for name in free if name not in {*found.values(), *own})
    return found
