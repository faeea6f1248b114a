"""`python -m kerasnn`."""

import argparse
import io
import sys
from collections.abc import Sequence

import kerasnn
from kerasnn.cli import commands


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: What follows `python -m kerasnn`; the default is the process's own.

    Returns:
        0 for success, 1 where the command could not do what was asked, with the reason on
        standard error. A wrong command line exits with 2.
    """
    parser = argparse.ArgumentParser(
        prog="python -m kerasnn",
        description="Exports, checks and asks models. `COMMAND --help` says more of each.",
    )
    parser.add_argument("--version", action="version", version=kerasnn.__version__)
    commands.add_to(parser.add_subparsers(metavar="COMMAND", required=True))
    given = parser.parse_args(arguments)
    # What is done is not undone because the console lacks a letter of a path.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        given.run(given)
    except (ValueError, OSError, RuntimeError, ImportError) as error:
        print(f"kerasnn: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
