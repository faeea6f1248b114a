"""The second process of a script: what it compiles after damage, kills and beside another one."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

from tests.training.compilation_cache.test_program_store import damages

SCRIPT = pathlib.Path(__file__).with_name("second_run.py")
pytestmark = pytest.mark.slow


def start(store, layers=0, killed="", temporary=None):
    environment = {**os.environ, "KERASNN_COMPILATION_CACHE": str(store), "TF_XLA_FLAGS": ""}
    if temporary is not None:
        environment["TMPDIR"] = str(temporary)
    return subprocess.Popen(
        [sys.executable, SCRIPT, str(layers), killed],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def ended(process):
    """Returns the weights that a process has printed."""
    out, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return json.loads(out.splitlines()[-1])


def programs(store):
    """The programs of a store, beside which are records and drafts."""
    return list(store.glob("[!.]*.pb.*"))


def run(store, **options):
    return ended(start(store, **options))


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A store with the one program of the script, and the weights of its first run."""
    store = tmp_path_factory.mktemp("first") / "store"
    weights = run(store)
    assert len(programs(store)) == 1
    return store, weights


@pytest.fixture
def store(first, tmp_path):
    """A copy of that store."""
    return shutil.copytree(first[0], tmp_path / "store")


def assert_right(weights, first):
    for found, wanted in zip(weights, first[1], strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_it_compiles_nothing(store, first, tmp_path):
    [program] = programs(store)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    assert run(store, temporary=temporary) == first[1]
    assert [program] == programs(store)
    # Names that Keras has counted up make no other program.
    assert run(store, layers=3, temporary=temporary) == first[1]
    assert [program] == programs(store)
    # Nothing is left of the processes.
    assert list(temporary.glob("kerasnn*")) == []


def test_twenty_damaged_programs(store, first):
    [program] = programs(store)
    name, content = program.name.rpartition(".")[0], program.read_bytes()
    program.unlink()
    for i, damaged in enumerate(damages(content)):
        (store / f"{name}.{i:064x}").write_bytes(damaged)
    assert_right(run(store), first)
    [kept] = programs(store)
    assert kept.name.rpartition(".")[0] == name
    assert_right(run(store), first)
    assert programs(store) == [kept]


@pytest.mark.parametrize("at", ["compiled", "storing"])
def test_a_kill_while_a_program_is_written(tmp_path, first, at):
    store, temporary = tmp_path / "store", tmp_path / "temporary"
    temporary.mkdir()
    process = start(store, killed=at, temporary=temporary)
    process.communicate(timeout=300)
    assert process.returncode == -signal.SIGKILL
    # It has left its directory, and a draft if it was killed with one.
    assert len(list(temporary.glob("kerasnn*"))) == 1
    assert len(list(store.glob("*.pb.*"))) == (at == "storing")
    assert_right(run(store, temporary=temporary), first)
    assert list(temporary.glob("kerasnn*")) == []


def test_two_processes_at_once(tmp_path, first):
    store = tmp_path / "store"
    for process in [start(store), start(store)]:
        assert_right(ended(process), first)
    assert len(programs(store)) == 1


def test_a_home_that_cannot_be_written(first):
    assert_right(run("/proc/kerasnn"), first)
