"""Entry point of `kerasnn`, and of `python -m kerasnn`."""

import argparse
import io
import os
import re
import sys
from collections.abc import Sequence

import shtab

from kerasnn._checks.arguments import did_you_mean
from kerasnn._version import __version__
from kerasnn.cli import commands, playground, train
from kerasnn.cli.errors_in_flags import in_flags

_EPILOG = """\
Exit codes: 0 for success, 1 for an error, whose text is on standard error, 2 for a wrong command
line, 130 after Ctrl-C. TensorFlow's own log is shown with TF_CPP_MIN_LOG_LEVEL=0.

Completion of the shell, for bash (zsh and tcsh work alike):
  kerasnn --print-completion bash > ~/.local/share/bash-completion/completions/kerasnn
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: Words after `kerasnn`; the default is those of the process.

    Returns:
        0 for success, 1 for an error, with its text on standard error, 130 after Ctrl-C. A wrong
        command line exits with 2.
    """
    try:
        return _run(arguments)
    except BrokenPipeError:
        # The reader, such as `head`, has enough. Python would complain when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _run(arguments: Sequence[str] | None) -> int:
    parser = _parser()
    given, unknown = parser.parse_known_args(arguments)
    if unknown:
        given.parser.error(_unknown(unknown, given.parser))
    # A console that lacks a letter of a path must not make a finished command fail.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        given.run(given)
    except BrokenPipeError:
        raise
    except (ValueError, OSError, RuntimeError, ImportError) as error:
        # Functions name their arguments, a command its flags.
        print(f"kerasnn: {in_flags(str(error), given.flags)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nkerasnn: interrupted; what was begun is not there.", file=sys.stderr)
        return 130
    return 0


def _unknown(words: Sequence[str], parser: argparse.ArgumentParser) -> str:
    """Returns what is wrong with words that a command does not know, and the flag that is near."""
    flags = re.findall(r"--([\w-]+)", parser.format_usage())
    near = [did_you_mean(word.lstrip("-").partition("=")[0], flags) for word in words]
    hints = [hint.replace("`", "`--", 1) for hint in near if hint]
    return " ".join([f"unrecognized arguments: {' '.join(words)}", *hints[:1]])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kerasnn",
        description="Trains, exports, verifies and runs models. `COMMAND --help` describes each.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    shtab.add_argument_to(parser, "--print-completion", help="print the shell's completion script")
    parser.set_defaults(flags={})
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    train.add_to(subparsers)
    commands.add_to(subparsers)
    playground.add_to(subparsers)
    for command in subparsers.choices.values():
        command.set_defaults(parser=command)
    return parser


if __name__ == "__main__":
    sys.exit(main())
