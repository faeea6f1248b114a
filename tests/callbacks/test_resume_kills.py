"""A run that was killed ends with the same bits as one that was not."""

import random
import signal
import time

import pytest
from resume_runs import start, whole_run

from kerasnn.callbacks.termination import EXIT_CODE


def killed(*run, after_s):
    """Starts a run and kills it some time after training has begun."""
    with start(*run) as process:
        time.sleep(after_s)
        process.kill()


def test_killed_and_asked_to_end_and_never_stopped_are_the_same(tmp_path):
    run = (tmp_path / "run", "graph", "plateau", 40)
    killed(*run, after_s=0.3)
    with start(*run) as process:
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
    assert process.returncode == EXIT_CODE == 143
    resumed = whole_run(*run)
    assert resumed == whole_run("-", *run[1:])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["decay", "plateau"])
@pytest.mark.parametrize("engine", ["xla", "graph"])
def test_twenty_of_twenty_kills_end_in_the_same_bits(tmp_path, engine, kind):
    draw = random.Random(f"{engine} {kind}")
    unbroken = whole_run("-", engine, kind, 60)
    with start(tmp_path / "timed", engine, kind, 60) as process:
        began = time.monotonic()
        assert process.stdout.read() == f"{unbroken}\n"
        took = time.monotonic() - began
    digests = []
    for trial in range(20):
        run = (tmp_path / str(trial), engine, kind, 60)
        killed(*run, after_s=draw.uniform(0, took))
        digests.append(whole_run(*run))
    assert digests == [unbroken] * 20
