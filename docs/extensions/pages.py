"""Files that an extension writes among the sources of the site."""

import pathlib


def write(path: pathlib.Path, text: str) -> None:
    """Writes a page, unless it is there: an equal file keeps its time, and is not built again."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
