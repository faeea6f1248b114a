"""Pages of the course: each tutorial as text, code and its figure, and a gallery of all of them."""

import pathlib
import re
from collections.abc import Iterator
from typing import Any

import jupytext

from extensions import pages

# A row of the table in tutorials/README.md.
_ROW = re.compile(r"^\| \[(\d+)\. (.*?)\]\((.*?)\.py\) \| (.*?) \| ", flags=re.MULTILINE)
_LESSONS = "`kerasnn playground` trains networks"


def setup(app: Any) -> dict[str, bool]:
    """Has the pages written before Sphinx looks for its sources."""
    app.connect("config-inited", write_pages)
    return {"parallel_read_safe": True}


def write_pages(app: Any, config: Any) -> None:
    """Writes a page a tutorial and the cards of the gallery."""
    folder = pathlib.Path(app.srcdir, "course")
    tutorials = folder.parents[1] / "tutorials"
    for script in sorted(tutorials.glob("*.py")):
        pages.write(folder / f"{script.stem}.md", "\n".join(page(script)))
    course = (tutorials / "README.md").read_text(encoding="utf-8")
    pages.write(folder / "cards.inc", "\n".join(_cards(_ROW.findall(course))))


def page(script: pathlib.Path) -> Iterator[str]:
    """Yields the lines of a tutorial's page, with its figure below the cell that saves it."""
    notebook = jupytext.read(script, fmt="py:percent")
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            yield from (cell.source, "")
            if number == 0:
                yield from (f"`python tutorials/{script.name}` runs this page.", "")
            continue
        yield from ("```python", cell.source, "```", "")
        figure = script.parent / "figures" / f"{script.stem}.png"
        if f"tutorials/figures/{figure.name}" in cell.source:
            yield from (
                f"![The figure that this cell draws](../../tutorials/figures/{figure.name})",
                "",
            )


def _cards(rows: list[tuple[str, str, str, str]]) -> Iterator[str]:
    yield from ("::::{grid} 1 2 3 3", ":gutter: 3", "")
    for number, title, name, what in rows:
        yield from (f":::{{grid-item-card}} {number}. {title}", f":link: {name}", ":link-type: doc")
        yield from (
            f":img-top: ../../tutorials/figures/{name}.png",
            f":img-alt: Figure of tutorial {number}",
        )
        yield from ("", what, ":::", "")
    yield from ("::::", "", "```{toctree}", ":hidden:", "", "quickstart")
    yield from (name for _, _, name, _ in rows)
    yield from ("```", "")
