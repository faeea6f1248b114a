"""Runs of tutorials: complete, offline, in a new process and directory."""

import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
TUTORIALS = HERE.parents[1] / "tutorials"
# The quickstart has its own test.
COURSE = sorted(TUTORIALS.glob("[0-9]*.py"))
FIGURES = pathlib.Path("tutorials", "figures")
# A guard against a script that hangs; other work on the machine may slow it down a lot.
TIMEOUT_S = 600


def offline():
    """Returns an environment in which Python processes end if they use a network.

    A description of each figure is written beside its PNG.
    """
    places = [str(HERE / "offline"), os.environ.get("PYTHONPATH", "")]
    path = os.pathsep.join(filter(None, places))
    return {**os.environ, "MPLBACKEND": "module://drawn_backend", "PYTHONPATH": path}


def run(tutorial, directory, seed=0):
    """Runs a tutorial as from the repository's root, but writing in `directory`.

    Raises:
        subprocess.TimeoutExpired: After ten minutes.
    """
    (directory / FIGURES).mkdir(parents=True, exist_ok=True)
    return subprocess.run(
        # As in pytest: TensorFlow 2.20 brings messages of protobuf 5.
        [sys.executable, "-W", "ignore:Protobuf gencode version:UserWarning", tutorial],
        cwd=directory,
        env={**offline(), "SEED": str(seed)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
