import json
import pathlib
import random
import signal
import time

import pytest

from tests.selection.search.started import start

SCRIPT = pathlib.Path(__file__).with_name("killed_search.py")


def lines(journal):
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


@pytest.mark.slow
def test_killed_five_times_a_search_ends_with_the_same_table(tmp_path):
    wanted, _ = start(SCRIPT, tmp_path / "whole").communicate(timeout=120)
    assert wanted.startswith("{")
    chance = random.Random(0)
    journal = tmp_path / "killed"
    for _ in range(5):
        before = lines(journal)
        process = start(SCRIPT, journal)
        deadline = time.monotonic() + 60
        # Killed at a random moment after it has got on.
        while lines(journal) <= before + chance.randrange(1, 6) and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(chance.random() * 0.1)
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert lines(journal) < 49
    ended, _ = start(SCRIPT, journal).communicate(timeout=120)
    ended, wanted = json.loads(ended), json.loads(wanted)
    assert ended.keys() == wanted.keys()
    # A fold that trains beside others than before is rounded in another way.
    for name, values in wanted.items():
        assert ended[name] == (pytest.approx(values, rel=1e-4) if "test" in name else values)
