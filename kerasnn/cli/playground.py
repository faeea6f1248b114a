"""Command `playground`."""

import argparse
import importlib
import os
import pathlib
import sys
from typing import Any

from kerasnn._core.process.command_line import IS_COMMAND_LINE
from kerasnn._core.process.extras import missing
from kerasnn.cli.errors_in_flags import flags_of
from kerasnn.cli.late_import import import_keras

# As `kerasnn.playground.serve` has them, which imports TensorFlow.
NEEDED = ("starlette", "uvicorn", "websockets")
_AFTER_CTRL_C = 130
_DESCRIPTION = """\
Serves a page that trains real Keras models and shows them while they train, on the data sets of
TensorFlow Playground or on a table, and prints its address. Ctrl-C ends it. All files come from
this package; no request leaves the machine. Needs `pip install 'kerasnn[playground]'`.
"""


def add_to(commands: Any) -> None:
    """Adds the command to a parser's subparsers; it sets `run`."""
    parser = commands.add_parser(
        "playground",
        help="a page in the browser that trains networks and shows them",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Example: kerasnn playground penguins.csv --target species",
    )
    parser.add_argument(
        "table", metavar="TABLE.csv", nargs="?", type=pathlib.Path, help="a table to begin with"
    )
    parser.add_argument("--target", metavar="NAME", help="column of the table to predict")
    parser.add_argument("--host", default="127.0.0.1", help="default: 127.0.0.1")
    parser.add_argument("--port", type=int, default=0, metavar="N", help="default: a free one")
    parser.add_argument("--no-browser", action="store_true", help="open no browser")
    parser.add_argument(
        "--allow-remote",
        action="store_true",
        help="let other machines connect where --host is one that they reach; the connection is "
        "not encrypted",
    )
    parser.add_argument(
        "--sessions", type=int, default=4, metavar="N", help="pages open at once; default: 4"
    )
    flags = flags_of(("target", "host", "port", "sessions", "allow_remote"), table="TABLE.csv")
    parser.set_defaults(run=_playground, flags=flags)


def _playground(given: argparse.Namespace) -> None:
    lacking = missing("playground", NEEDED)
    if lacking:
        print(f"kerasnn: {lacking}", file=sys.stderr)
        raise SystemExit(2)
    import_keras()
    importlib.import_module("kerasnn.playground").serve(
        given.table,
        target=given.target,
        host=given.host,
        port=given.port,
        browser=not given.no_browser,
        allow_remote=given.allow_remote,
        sessions=given.sessions,
    )
    sys.stdout.flush()
    if IS_COMMAND_LINE:
        # TensorFlow needs seconds to take itself apart, which nobody waits for after Ctrl-C.
        os._exit(_AFTER_CTRL_C)
    raise SystemExit(_AFTER_CTRL_C)
