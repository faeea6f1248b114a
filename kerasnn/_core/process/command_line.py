"""Whether this process is the command line, which imports what a command needs and no more."""

import pathlib
import sys


def _is_command_line() -> bool:
    # Processes that joblib starts are told the `sys.argv` of the first one.
    is_script = pathlib.Path(sys.argv[0]).stem == "kerasnn" and sys.argv[0] in sys.orig_argv
    # So it is called while Python looks for the module of `python -m kerasnn`.
    return is_script or sys.argv[0] == "-m"


# Whether Python was started as `kerasnn ...` or `python -m kerasnn ...`.
IS_COMMAND_LINE = _is_command_line()
