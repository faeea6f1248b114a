"""Training on several devices by `MirroredStrategy` equals training on one."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from tests.training.replicas import cases

SCRIPT = pathlib.Path(__file__).with_name("mirrored_run.py")
ROOT = SCRIPT.parents[3]


def run(replicas, *names):
    done = subprocess.run(
        [sys.executable, SCRIPT, str(replicas), *names],
        capture_output=True,
        text=True,
        env=cases.environment(PYTHONPATH=str(ROOT)),
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def check(found, replicas):
    assert found["engine"] == "graph"
    wanted = f"A TensorFlow graph divides each batch between replicas, {replicas} in number."
    assert found["reason"] == wanted
    first, second = found["settings"]
    assert first == second
    for what in ("weights", "history", "evaluation", "predictions"):
        assert found.get(what, 0.0) <= 1e-5, what


def check_dropout(runs, replicas):
    (weights, states), again = runs
    assert [weights, states] == again
    assert states == 1
    kept = np.round(weights, 3)
    # Equal masks would keep an input in all replicas or in none.
    assert set(kept) <= set(range(replicas + 1))
    assert len(set(kept)) > 2


@pytest.mark.slow
@pytest.mark.parametrize("replicas", [2, 4])
def test_all_cases(replicas):
    found = run(replicas)
    for name in cases.CASES:
        check(found[name], replicas)
    np.testing.assert_allclose(*found["swept"], rtol=1e-4)
    check_dropout(found["dropout"], replicas)
    cases.check_counted(found["counted"])
    assert found["refused"] == [["batch_size", 0], ["x", 0]]
