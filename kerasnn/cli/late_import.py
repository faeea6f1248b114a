"""Import of Keras and TensorFlow by the commands that need them, without TensorFlow's log."""

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator

from kerasnn._core.process.command_line import IS_COMMAND_LINE

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
# TensorFlow 2.21 writes these lines while it is loaded, whatever its level of logging.
_LOGGED = re.compile(r"(WARNING: All log messages before absl::|[IW]\d{4} \d\d:)")


def import_keras() -> None:
    """Imports all of the package, and with it Keras and TensorFlow."""
    with without_log():
        from kerasnn import _public as _public


@contextlib.contextmanager
def without_log() -> Iterator[None]:
    """Keeps TensorFlow's log from the terminal while it is loaded, and its notes afterwards.

    Does nothing where `TF_CPP_MIN_LOG_LEVEL` is 0, or this process is not the command line.
    """
    if not IS_COMMAND_LINE or os.environ.get(_LEVEL) == "0":
        yield
        return
    os.environ.setdefault(_LEVEL, "3")
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as written:
        os.dup2(written.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            os.close(terminal)
            written.seek(0)
            lines = written.read().decode(errors="replace").splitlines(keepends=True)
            sys.stderr.writelines(line for line in lines if not _LOGGED.match(line))
