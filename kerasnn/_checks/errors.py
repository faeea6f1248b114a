"""`InvalidArgument`, the error for every invalid argument."""

import math
import re
from typing import Any

# Entries of an array that is not shown.
_LARGE = 12
_TEXT = re.compile(r"`(.+?)` must (.+?); got (.+?)(?:\. ([A-Z].*))?", re.DOTALL)


class InvalidArgument(ValueError):  # noqa: N818 - named after what is wrong.
    """An argument breaks a rule: which argument, which rule, which value, and a hint.

    The text follows from the fields:
    ``"`rate` must be in [0, 1); got rate=2. To switch dropout off, use 0."``

    Args:
        argument: Name of the argument.
        rule: What the argument must be or do, as words that follow "must".
        value: What was given, or the part of it that breaks the rule.
        hint: One or more sentences on what to do instead; may be empty.
        got: Words that show `value` in the text; the default is `argument=repr(value)`, or the
            shape of a large array.

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
        self._got = _words(argument, value) if got is None else got
        text = f"`{argument}` must {rule}; got {self._got}. {hint}".rstrip()
        if not rule:
            # Keras raises the error of a layer's `call` anew, from a text alone.
            text, named = argument, re.search("`(.*?)`", argument)
            argument = named[1] if named else ""
        self.argument, self.rule, self.value, self.hint = argument, rule, value, hint
        super().__init__(text)

    def in_batch(self, number: int) -> "InvalidArgument":
        """Returns the same error with the number of the batch in its text."""
        given = (self.argument, self.rule, self.value, self.hint)
        return _rebuild(type(self), given, f"{self._got}, in batch {number} of the stream")

    def about(self, argument: str, hint: str) -> "InvalidArgument":
        """Returns the same error about another argument, that of the caller, with its hint."""
        return _rebuild(type(self), (argument, self.rule, self.value, hint), self._got)

    def __reduce__(self) -> tuple[Any, ...]:
        if not self.rule:
            return type(self), self.args
        # By default only the text of an exception is copied to another process.
        given = (self.argument, self.rule, self.value, self.hint)
        return _rebuild, (type(self), given, self._got)


# Where users import it from.
InvalidArgument.__module__ = "kerasnn"


def _words(argument: str, value: Any) -> str:
    """Returns a value in words: of a data set its kind, and of a large array its shape."""
    if type(value).__name__ == "Split":
        return "a Split"
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and math.prod(shape) > _LARGE:
        return f"a {type(value).__name__} of shape {shape}"
    return f"{argument}={value!r}"


def _rebuild(kind: type[InvalidArgument], given: tuple[Any, ...], got: str) -> InvalidArgument:
    return kind(*given, got=got)


def from_text(text: str) -> ValueError:
    """Returns the error of a compiled program, of which TensorFlow keeps only the text.

    It is an `InvalidArgument`, whose value is the program's words for it, if the text is that of
    one; else a plain `ValueError`.

    >>> from_text("`grams` must hold numbers; got nan in row 1. Fill it in.").value
    'nan in row 1'
    """
    found = _TEXT.fullmatch(text)
    if found is None:
        return ValueError(text)
    argument, rule, value, hint = found.groups(default="")
    return InvalidArgument(argument, rule, value, hint, got=value)


def first_line(error: BaseException) -> str:
    """Returns the first line of an error's text.

    >>> first_line(ValueError("'a' is wrong."))
    "'a' is wrong."
    """
    return str(error).strip().partition("\n")[0]
