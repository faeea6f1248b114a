"""Errors of functions in the words of the command: its flags in place of arguments."""

import ast
import re
import shlex
from typing import Any

_FLAGS = {
    "backbone": "--backbone",
    "categorical": "--categorical",
    "color_mode": "--color-mode",
    "dates": "--dates",
    "delimiter": "--delimiter",
    "drop": "--ignore",
    "embed_above": "--embed-above",
    "encoding": "--encoding",
    "groups": "--groups",
    "image_size": "--image-size",
    "missing": "--missing",
    "missing_values": "--missing-values",
    "path": "DATA",
    "split_by": "--split-by",
    "target": "--target",
    "task": "--task",
    "test_size": "--test-size",
    "weights": "--weights",
    "windows": "--windows",
}
_NAMES = "|".join(_FLAGS)
_TEXT = r"""'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*\""""
_LIST = rf"[(\[{{](?:{_TEXT}|[^'\"()\[\]{{}}])*[)\]}}]"
# A suggestion in place of a wrong name is a column, whatever its name.
_ARGUMENT = re.compile(rf"(?<!Did you mean )`({_NAMES})`")
_VALUE = re.compile(rf"(?<![\w'\".-])({_NAMES})=({_TEXT}|{_LIST}|-?\d[\d.e+-]*\d|\d)")


def in_flags(text: str) -> str:
    """Returns the text of an error with flags in place of the arguments of `data.from_csv`.

    >>> in_flags("`drop` must not contain the target 'kind'; got drop=('kind', 'a b').")
    "`--ignore` must not contain the target 'kind'; got --ignore kind 'a b'."
    >>> in_flags("Give task='count' or dates={'day': '%d.%m.%Y'}, and test_size=0.5.")
    'Give --task count or --dates day=%d.%m.%Y, and --test-size 0.5.'
    """
    return _VALUE.sub(_flag, _ARGUMENT.sub(lambda found: f"`{_FLAGS[found[1]]}`", text))


def _flag(found: re.Match[str]) -> str:
    try:
        value = ast.literal_eval(found[2])
    except (SyntaxError, ValueError):
        return found[0]
    return " ".join([_FLAGS[found[1]], *map(shlex.quote, _words(value))])


def _words(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [f"{name}={each}" for name, each in value.items()]
    return [str(each) for each in value] if isinstance(value, (tuple, list)) else [str(value)]
