"""The help of each command, for the page of the command line."""

import argparse
import os
import pathlib
from typing import Any

from extensions import pages
from kerasnn.cli import commands, playground, train

# Characters in a line of help.
_WIDTH = "88"


def setup(app: Any) -> dict[str, bool]:
    """Has the help written before Sphinx looks for its sources."""
    app.connect("config-inited", write_help)
    return {"parallel_read_safe": True}


def write_help(app: Any, config: Any) -> None:
    """Writes what `kerasnn COMMAND --help` prints."""
    os.environ["COLUMNS"] = _WIDTH
    parsers = argparse.ArgumentParser(prog="kerasnn").add_subparsers()
    for module in (train, commands, playground):
        module.add_to(parsers)
    lines = []
    for name, parser in parsers.choices.items():
        lines += [f"## `kerasnn {name}`", "", "```text", parser.format_help().rstrip(), "```", ""]
    pages.write(pathlib.Path(app.srcdir, "reference", "commands.inc"), "\n".join(lines))
