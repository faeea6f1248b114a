"""The page, from its sections."""

import pathlib
from collections.abc import Sequence

from kerasnn.report.blocks import Section


def render(title: str, facts: Sequence[tuple[str, str]], sections: Sequence[Section]) -> str:
    """Returns the text of an HTML file, in which all text from data is escaped.

    Args:
        title: Its title.
        facts: Names with their values, shown at the top.
        sections: The sections in their order.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(pathlib.Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("template.html")
    return template.render(title=title, facts=facts, sections=sections)
