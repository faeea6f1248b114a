"""Entry point of `kerasnn`, and of `python -m kerasnn`."""

import argparse
import io
import sys
from collections.abc import Sequence

import kerasnn
from kerasnn.cli import commands, train


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: Words after `python -m kerasnn`; the default is those of the process.

    Returns:
        0 for success, 1 for an error, with its text on standard error, 130 after Ctrl-C. A wrong
        command line exits with 2.
    """
    parser = argparse.ArgumentParser(
        prog="python -m kerasnn",
        description="Trains, exports, verifies and runs models. `COMMAND --help` describes each.",
    )
    parser.add_argument("--version", action="version", version=kerasnn.__version__)
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    train.add_to(subparsers)
    commands.add_to(subparsers)
    given = parser.parse_args(arguments)
    # A console that lacks a letter of a path must not make a finished command fail.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        given.run(given)
    except (ValueError, OSError, RuntimeError, ImportError) as error:
        print(f"kerasnn: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nkerasnn: interrupted; what was begun is not there.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
