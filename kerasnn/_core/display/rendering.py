"""HTML of blocks: a whole page from a template, and a fragment for a cell of a notebook."""

import pathlib
from collections.abc import Iterable
from typing import Any

_HERE = pathlib.Path(__file__).parent


def render(template: str, *, folder: pathlib.Path = _HERE, **values: Any) -> str:
    """Returns a template with its values, of which all text from data is escaped.

    Args:
        template: Name of its file; it may import `blocks.html`.
        folder: Where it lies.
        values: What it names.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, _HERE]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(values)


def for_notebook(title: str, blocks: Iterable[Any]) -> str:
    """Returns the HTML of blocks for `_repr_html_`: without scripts, in the notebook's colours.

    Args:
        title: Its heading.
        blocks: The blocks of `blocks.py`, in their order; None stands for nothing.
    """
    shown = [block for block in blocks if block is not None]
    return render("notebook.html", title=title, content=shown)
