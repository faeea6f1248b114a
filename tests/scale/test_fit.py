"""`scale.fit`: workers of Ray Train give the results of one process, whatever is killed."""

import concurrent.futures
import json
import pathlib
import signal
import subprocess
import sys

import pytest

import kerasnn
from kerasnn import scale
from tests.scale.fit_runs import DATA, SETTINGS, build
from tests.training.replicas.cases import distance, environment
from tests.training.replicas.test_workers import free_ports

SCRIPT = pathlib.Path(__file__).with_name("fit_runs.py")
ROOT = SCRIPT.parents[2]


def start(mode, folder, own=None, **arguments):
    """A process that trains, with variables of its own in its environment."""
    folder.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, SCRIPT, mode, folder, json.dumps(arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(PYTHONPATH=str(ROOT), **(own or {})),
    )


def run(mode, folder, **arguments):
    """What a process found."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'kerasnn[ray]'")
    process = start(mode, folder, **arguments)
    out, errors = process.communicate(timeout=1200)
    assert process.returncode == 0, errors
    return json.loads(out.splitlines()[-1])


def check_equal(got, wanted):
    assert got["engine"] == "graph"
    assert got["iterations"] == wanted["iterations"]
    assert distance(got["weights"], wanted["weights"]) < 1e-5
    assert distance(got["history"], wanted["history"]) < 1e-5


@pytest.mark.slow  # .ci/run runs it by name.
def test_two_workers_equal_one_process(tmp_path):
    found = run("quick", tmp_path)
    check_equal(found["workers"], found["alone"])


@pytest.mark.slow
def test_workers_equal_one_another_and_a_run_that_has_ended_is_returned(tmp_path):
    found = run("equal", tmp_path)
    check_equal(found["workers"], found["alone"])
    first, second = found["of each"]
    assert first == second == found["workers"]["bits"]
    assert found["again"] == found["workers"]


@pytest.mark.slow
def test_killed_workers_are_replaced_and_end_in_the_same_bits(tmp_path):
    found = run("killed", tmp_path, seeds=[1, 2])
    whole = found.pop("whole")
    for each in found.values():
        assert each.pop("was killed")
        assert each == whole


@pytest.mark.slow
def test_a_killed_driver_continues_with_the_same_bits(tmp_path):
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'kerasnn[ray]'")
    whole = run("driver", tmp_path / "whole", after=1e6)
    process = start("driver", tmp_path / "killed", after=1.5)
    process.communicate(timeout=600)
    assert process.returncode == -signal.SIGKILL
    assert run("driver", tmp_path / "killed", after=1.5) == whole


def supervised(folder, restarts=6, **arguments):
    """What two workers find that are started again whenever they fail, as by systemd."""
    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    folder.mkdir()
    environments = [
        {"TF_CONFIG": json.dumps({"cluster": {"worker": addresses}, "task": task})}
        for task in ({"type": "worker", "index": index} for index in (0, 1))
    ]

    def supervise(own):
        for _ in range(restarts):
            process = start("by hand", folder, own, **arguments)
            out, errors = process.communicate(timeout=300)
            if process.returncode == 0:
                return json.loads(out.splitlines()[-1])
        raise AssertionError(errors)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        return list(pool.map(supervise, environments))


@pytest.mark.slow
def test_workers_by_hand_that_are_started_again_end_in_the_same_bits(tmp_path):
    whole = supervised(tmp_path / "whole")
    assert whole[0] == whole[1]
    for victim, after in ((0, 0.7), (1, 1.9)):
        folder = tmp_path / str(victim)
        assert supervised(folder, victim=victim, after=after) == whole
        assert (folder / "killed").exists()


@pytest.mark.slow
def test_errors_of_workers_and_of_a_small_cluster(tmp_path):
    found = run("refused", tmp_path)
    assert (found["build"]["type"], found["build"]["argument"]) == ("InvalidArgument", "units")
    assert (found["data"]["type"], found["data"]["argument"]) == ("InvalidArgument", "x")
    assert (found["workers"]["argument"], found["workers"]["value"]) == ("workers", 2)
    assert found["workers"]["seconds"] < 30
    assert found["room"]["type"] == "TimeoutError"


class TestArguments:
    """What is wrong is known before workers start."""

    def test_of_the_model(self, invalid):
        with invalid("build"):
            scale.fit(build(), DATA)
        with invalid("build"):
            scale.fit(lambda: kerasnn.models.mlp(5, 3, task="multiclass", compile=False), DATA)
        with pytest.raises(ZeroDivisionError):
            scale.fit(lambda: 1 / 0, DATA)

    def test_that_cannot_be_pickled(self, invalid):
        pytest.importorskip("ray")
        rows = (each for each in DATA)
        with invalid("build"):
            scale.fit(lambda: build() if rows else None, DATA)
        with invalid("data"):
            scale.fit(build, lambda: rows)

    def test_of_the_data(self, invalid):
        pytest.importorskip("ray")
        with invalid("data"):
            scale.fit(build, DATA[0])
        with invalid("x"):
            scale.fit(build, (DATA[0][:, :3], DATA[1]))
        with invalid("batch_size"):
            scale.fit(build, DATA, batch_size=0)

    @pytest.mark.parametrize(
        "wrong",
        [{"workers": 0}, {"cpus_per_worker": 0}, {"gpus_per_worker": -1}, {"max_failures": -1}],
    )
    def test_of_numbers(self, wrong, invalid):
        with invalid(next(iter(wrong))):
            scale.fit(build, DATA, **wrong)

    def test_of_fit(self, invalid):
        with pytest.raises(TypeError, match="Did you mean `epochs`"):
            scale.fit(build, DATA, epoch=3)
        with invalid("callbacks"):
            scale.fit(build, DATA, callbacks=kerasnn.callbacks.Resume("a.state"))

    def test_an_address_where_nobody_answers(self, invalid, monkeypatch):
        pytest.importorskip("ray")
        monkeypatch.setattr("kerasnn.scale._cluster._SECONDS", 1)
        with invalid("address"):
            scale.fit(build, DATA, address="127.0.0.1:1", **SETTINGS)

    def test_a_missing_package(self, monkeypatch):
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(ImportError, match=r"pip install 'kerasnn\[ray\]'"):
            scale.fit(build, DATA)


def test_workers_of_another_version(invalid):
    pytest.importorskip("ray")
    from kerasnn.scale import _worker

    here = {"kerasnn": "0.2.0", "python": "3.11.7"}
    assert here.keys() <= _worker.versions().keys()
    _worker.check_versions(here, here)
    with invalid("address"):
        _worker.check_versions(here, {**here, "kerasnn": "0.1.0"})
