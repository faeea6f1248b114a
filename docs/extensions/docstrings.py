"""Docstrings of this package as reStructuredText: formulas keep their lines, tables are tables.

The docstrings have tables in Markdown, and paragraphs of formulas such as `Forward:  y = ...`,
which help() shows as they are. reStructuredText would run their lines together.
"""

import re
from collections.abc import Iterator
from typing import Any

import sphinx.util.inspect as signatures

_FORMULA = re.compile(r"\s*(Forward|Backward|Formula|Loss)\b.*:  ")
# Marks of emphasis and of substitutions in reStructuredText; outside of code and of bold text they
# are text.
_MARKUP = re.compile(r"[*|]")
# An attribute that is learned, in the list of attributes: else a link to a name without the end.
_LEARNED = re.compile(r"^(\s+\w+)_(?=:\s)", re.MULTILINE)
_KEPT = re.compile(r"(`[^`]*`|\*\*\w[^*`]*\*\*)")
# Words around the name of a class or method of Keras, which may be that of one here as well.
_KERAS_BEFORE = re.compile(r"\bKeras's\s+$")
_KERAS_AFTER = re.compile(r"\s+(of|in) Keras\b")


def setup(app: Any) -> dict[str, bool]:
    """Registers the conversion ahead of napoleon's."""
    app.connect("autodoc-process-docstring", convert, priority=400)
    app.connect("autodoc-skip-member", skips)
    app.connect("autodoc-process-signature", signature)
    return {"parallel_read_safe": True}


def convert(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Replaces a docstring's lines."""
    blocks = [line for block in _blocks(lines) for line in (*_converted(block), "")]
    lines[:] = blocks


def skips(app: Any, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """Leaves out the methods that scikit-learn adds to its estimators, for routing metadata."""
    return True if re.fullmatch("set_.*_request", name) else None


def signature(
    app: Any, what: str, name: str, obj: Any, options: Any, arguments: str, returned: str
) -> tuple[str, str] | None:
    """Returns the arguments of a class's `__init__`, where Keras's `__new__` hides them."""
    if what != "class" or arguments != "(*args, **kwargs)":
        return None
    found = signatures.signature(obj.__init__, bound_method=True)
    return signatures.stringify_signature(found, unqualified_typehints=True), returned


def _blocks(lines: list[str]) -> Iterator[list[str]]:
    """Yields runs of lines without an empty one."""
    block: list[str] = []
    for line in [*lines, ""]:
        if line.strip():
            block.append(line)
        elif block:
            yield block
            block = []


def _converted(block: list[str]) -> list[str]:
    indent = re.match(r"\s*", block[0])[0]  # type: ignore[index]
    if any(line.lstrip().startswith(">>>") for line in block):
        return block
    if block[0].lstrip().startswith("|"):
        return [indent + line for line in _table(block)]
    if _FORMULA.match(block[0]):
        return [f"{indent}.. code-block:: text", "", *("    " + line for line in block)]
    return _LEARNED.sub(r"\1\_", text("\n".join(block))).split("\n")


def text(words: str) -> str:
    """Escapes what is no markup in Markdown; a name with brackets, or of Keras, is no link."""
    parts = _KEPT.split(words)
    for i, part in enumerate(parts):
        if i % 2 == 0:
            escaped = _MARKUP.sub(r"\\\g<0>", part)
            # An escaped blank is none: it ends code ahead of a letter, as in the plural of a name.
            parts[i] = rf"\ {escaped}" if i and escaped[:1].isalnum() else escaped
        elif part.endswith("()`") or _of_keras(parts[i - 1], parts[i + 1]):
            parts[i] = f"`{part}`"
    return "".join(parts)


def _of_keras(before: str, after: str) -> bool:
    """Returns whether the words around a name say that it is Keras's own."""
    return bool(_KERAS_BEFORE.search(before) or _KERAS_AFTER.match(after))


def _table(block: list[str]) -> list[str]:
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in block]
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in rows[:1] + rows[2:]:
        first, *others = row
        lines += [f"   * - {text(first)}", *(f"     - {text(cell)}" for cell in others)]
    return lines
