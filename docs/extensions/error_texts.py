"""The page of all errors that the tests meet, by argument, for a search by a word of the text."""

import json
import pathlib
import re
from collections.abc import Iterable, Iterator
from typing import Any

from extensions import pages

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
    for text in sorted(texts):
        found = _TEXT.fullmatch(text)
        if found and len(text) <= _LONGEST:
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


def _sorting(argument: str) -> str:
    """Returns what an argument is sorted by, a flag of the command line by its name."""
    return argument.lstrip("-").casefold()
