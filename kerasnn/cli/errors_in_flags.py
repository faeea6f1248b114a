"""Errors of functions in the words of the command: its flags in place of arguments."""

import ast
import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

_TEXT = r"""'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*\""""
_LIST = rf"[(\[{{](?:{_TEXT}|[^'\"()\[\]{{}}])*[)\]}}]"


def flags_of(names: Iterable[str], **others: str) -> dict[str, str]:
    """Returns name of an argument -> flag of a command.

    Args:
        names: Arguments whose flags have their names.
        **others: Other arguments, with their flags or the names of their places.

    >>> flags_of(["test_size"], path="DATA")
    {'test_size': '--test-size', 'path': 'DATA'}
    """
    return {name: f"--{name.replace('_', '-')}" for name in names} | others


def in_flags(text: str, flags: Mapping[str, str]) -> str:
    """Returns the text of an error with flags in place of arguments of functions.

    >>> flags = {"task": "--task", "drop": "--ignore", "dates": "--dates"}
    >>> in_flags("`drop` must not contain the target 'kind'; got drop=('kind', 'a b').", flags)
    "`--ignore` must not contain the target 'kind'; got --ignore kind 'a b'."
    >>> in_flags("Give task='count' or dates={'day': '%d.%m.%Y'}.", flags)
    'Give --task count or --dates day=%d.%m.%Y.'
    >>> in_flags("Give overwrite=True.", {"overwrite": "--overwrite"})
    'Give --overwrite.'
    """
    names = "|".join(map(re.escape, flags))
    if not names:
        return text
    # A suggestion in place of a wrong name is a column, whatever its name.
    argument = re.compile(rf"(?<!Did you mean )`({names})`")
    value = re.compile(rf"(?<![\w'\".-])({names})=({_TEXT}|{_LIST}|-?\d[\d.e+-]*\d|-?\d|True)")
    text = argument.sub(lambda found: f"`{flags[found[1]]}`", text)
    text = value.sub(lambda found: _in_words(flags[found[1]], found), text)
    # The same but for a mark at the start of a file.
    return text.replace("utf-8-sig", "utf-8")


def _in_words(flag: str, found: re.Match[str]) -> str:
    try:
        value = ast.literal_eval(found[2])
    except (SyntaxError, ValueError):
        return found[0]
    return " ".join([flag, *map(shlex.quote, _words(value))])


def _words(value: Any) -> list[str]:
    if value is True:
        return []
    if isinstance(value, dict):
        return [f"{name}={each}" for name, each in value.items()]
    return [str(each) for each in value] if isinstance(value, (tuple, list)) else [str(value)]
