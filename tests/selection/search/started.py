"""Start of a script with a search, in a process of its own."""

import os
import subprocess
import sys


def start(script, where):
    """Starts a script whose argument says where its search is kept."""
    return subprocess.Popen(
        [sys.executable, str(script), str(where)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
