"""A run that was killed and resumed ends in the same bits as one that was not."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

import kerasnn
from kerasnn.callbacks.resume.sigterm import EXIT_CODE
from tests.callbacks.resume import kill_runs
from tests.callbacks.resume.resume_runs import start, whole_run


def killed(*run, after_s):
    """Starts a run and kills it some time after training has begun."""
    with start(*run) as process:
        time.sleep(after_s)
        process.kill()


@pytest.mark.slow
def test_killed_and_asked_to_end_and_never_stopped_are_the_same(tmp_path):
    run = (tmp_path / "run", "graph", "keras", 40)
    killed(*run, after_s=0.3)
    with start(*run) as process:
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
    assert process.returncode == EXIT_CODE == 143
    resumed = whole_run(*run)
    assert resumed == whole_run("-", *run[1:])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["kerasnn", "keras"])
@pytest.mark.parametrize("engine", ["xla", "graph"])
def test_twenty_of_twenty_kills_end_in_the_same_bits(tmp_path, engine, kind):
    ran = subprocess.run(
        [sys.executable, kill_runs.__file__, tmp_path, engine, kind, "20"],
        stdout=subprocess.PIPE,
        check=True,
        env={**os.environ, "PYTHONPATH": str(pathlib.Path(kerasnn.__file__).parents[1])},
        text=True,
    )
    *resumed, last = ran.stdout.splitlines()
    assert last == "20 of 20 the same"
    # They are spread over the run.
    assert len(set(resumed)) > 8
