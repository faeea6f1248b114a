"""The error that every refused argument raises."""

import re
from typing import Any


class InvalidArgument(ValueError):  # noqa: N818 - it names what is wrong, as KeyError's kin do.
    """Says which argument was refused, by which rule, what was given, and what to do instead.

    The text follows from the fields:
    ``"`rate` must be in [0, 1); got rate=2. To switch dropout off, use 0."``

    Args:
        argument: Name of the argument.
        rule: What the argument must be or do, as words that follow "must".
        value: What was given, or the part of it that breaks the rule.
        hint: One or more sentences on what to do instead; may be empty.
        got: Words that show `value` in the text; the default is `argument=repr(value)`.

    Attributes:
        argument: Name of the argument.
        rule: What it must be or do.
        value: What was given.
        hint: What to do instead.

    Example:
        >>> error = InvalidArgument("rate", "be in [0, 1)", 2, "To switch dropout off, use 0.")
        >>> print(error)
        `rate` must be in [0, 1); got rate=2. To switch dropout off, use 0.
        >>> error.argument, error.value
        ('rate', 2)
    """

    def __init__(
        self,
        argument: str,
        rule: str = "",
        value: Any = None,
        hint: str = "",
        *,
        got: str | None = None,
    ) -> None:
        self._got = f"{argument}={value!r}" if got is None else got
        text = f"`{argument}` must {rule}; got {self._got}. {hint}".rstrip()
        if not rule:
            # Keras raises the error of a layer's `call` anew, from a text alone.
            text, named = argument, re.search("`(.*?)`", argument)
            argument = named[1] if named else ""
        self.argument, self.rule, self.value, self.hint = argument, rule, value, hint
        super().__init__(text)

    def __reduce__(self) -> tuple[Any, ...]:
        if not self.rule:
            return type(self), self.args
        # Exceptions are copied to other processes with their text alone, unless told otherwise.
        given = (self.argument, self.rule, self.value, self.hint)
        return _rebuild, (type(self), given, self._got)


# Where users import it from.
InvalidArgument.__module__ = "kerasnn"


def _rebuild(kind: type[InvalidArgument], given: tuple[Any, ...], got: str) -> InvalidArgument:
    return kind(*given, got=got)


def first_line(error: BaseException) -> str:
    """Returns the first line of an error's text.

    >>> first_line(ValueError("'a' is wrong."))
    "'a' is wrong."
    """
    return str(error).strip().partition("\n")[0]
