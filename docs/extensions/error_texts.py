"""The page of all errors that the tests meet, by argument, for a search by a word of the text."""

import importlib
import inspect
import json
import pathlib
import re
from collections.abc import Iterable, Iterator
from typing import Any

from extensions import pages
from extensions.reference import GROUPS, public_names

_TEXT = re.compile(r"`(?P<argument>[^`]+?)` must (?P<rule>.+?); got (?P<got>.+)", re.DOTALL)
# Longer ones repeat a text of Keras.
_LONGEST = 420


def setup(app: Any) -> dict[str, bool]:
    """Has the page written before Sphinx looks for its sources."""
    app.connect("config-inited", write_page)
    return {"parallel_read_safe": True}


def write_page(app: Any, config: Any) -> None:
    """Writes the page into the folder of the reference."""
    folder = pathlib.Path(app.srcdir)
    known = folder.parent / "tests" / "helpers" / "error_texts.json"
    by_test = json.loads(known.read_text(encoding="utf-8"))
    texts = {text for texts in by_test.values() for text in texts}
    pages.write(folder / "reference" / "errors.rst", "\n".join(_page(texts)))


def _page(texts: Iterable[str]) -> Iterator[str]:
    by_argument: dict[str, dict[str, str]] = {}
    known = set(_parameters())
    for text in sorted(texts):
        found = _TEXT.fullmatch(text)
        # Others are of columns and inputs, which the tests have named.
        if found and len(text) <= _LONGEST and _name(found["argument"]) in known:
            rules = by_argument.setdefault(found["argument"], {})
            # One example of a rule will do.
            rules.setdefault(found["rule"], text)
    yield from ("All errors, by argument", "=" * 23, "")
    yield from (
        "One text of each rule, as the tests meet it, with its hint: values and names are theirs.",
        ":doc:`/guides/errors` says how an error is read, and what the frequent ones mean.",
        "",
    )
    for argument, rules in sorted(by_argument.items(), key=lambda item: _sorting(item[0])):
        yield from (f"``{argument}``", "-" * (len(argument) + 4), "")
        for text in rules.values():
            yield from (".. code-block:: none", "   :class: error", "")
            yield from (f"   {line}" for line in text.splitlines())
            yield ""


def _name(argument: str) -> str:
    """Returns the argument of which a part is wrong, or the one that a flag stands for."""
    return re.split(r"[\[(]", argument)[0].removeprefix("--").replace("-", "_")


def _parameters() -> Iterator[str]:
    """Yields the parameters of all public functions, classes and methods."""
    for package in (
        f"kerasnn.{name}".removesuffix(".kerasnn") for names in GROUPS.values() for name in names
    ):
        module = importlib.import_module(package)
        for public in public_names(module):
            found = getattr(module, public)
            methods = (
                inspect.getmembers(found, inspect.isfunction) if inspect.isclass(found) else []
            )
            for call in (found, *(method for _, method in methods)):
                if callable(call):
                    yield from inspect.signature(call).parameters


def _sorting(argument: str) -> str:
    """Returns what an argument is sorted by, a flag of the command line by its name."""
    return argument.lstrip("-").casefold()
