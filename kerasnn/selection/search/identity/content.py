"""What an object is, in words that are equal in two processes only where it is the same."""

import re
from collections.abc import Callable
from typing import Any

from kerasnn.selection.search.identity.parts import PLAIN, words
from kerasnn.selection.search.identity.reader import CodeReader, Reader

_DRAWING = re.compile(r"(keras|tensorflow)\b.*\.random(_(?!initializers)\w+)?\b")
_SHOWN = 60
_MARK = " (content "


def described(value: Any, text: str | None = None) -> str:
    """Returns an object's text, with a digest of what the text does not say.

    Arrays count by their numbers, functions by their code, defaults and the variables that they
    use, other objects by their class and by what a pickle of them would hold. What is installed
    counts by its name and version.

    Raises:
        TypeError: If some part of it, which the text names, has no content to compare.

    >>> described(0.5)
    '0.5'
    """
    text = words(value) if text is None else text
    if type(value) in PLAIN and len(text) <= _SHOWN:
        return text
    digest = Reader().all(value)[:16]
    short = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    return f"{short}{_MARK}{digest})"


def is_same(one: str, other: str) -> bool:
    """Whether two descriptions are of the same; of a set the text has no order."""
    return one.rpartition(_MARK)[2] == other.rpartition(_MARK)[2]


def may_draw(build: Callable[..., Any]) -> bool:
    """Whether the code of a function mentions `keras.random` or `tf.random`, or is hidden."""
    reader = CodeReader()
    try:
        reader.all(build)
    except Exception:  # noqa: BLE001  Objects of any kind are asked what they hold.
        return True
    return any(map(_DRAWING.match, reader.names))
