"""Training by several processes of `MultiWorkerMirroredStrategy` equals training by one."""

import json
import pathlib
import socket
import subprocess
import sys

import pytest

from tests.training.replicas import cases
from tests.training.replicas.test_mirrored import check

SCRIPT = pathlib.Path(__file__).with_name("workers_run.py")
ROOT = SCRIPT.parents[3]
pytestmark = pytest.mark.slow


def free_ports(count):
    """Ports of this machine that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def run(folder, *modes, workers=2):
    """What each worker reports."""
    ports = json.dumps(free_ports(workers))
    processes = [
        subprocess.Popen(
            [sys.executable, SCRIPT, str(index), ports, folder, *modes],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=cases.environment(PYTHONPATH=str(ROOT)),
        )
        for index in range(workers)
    ]
    try:
        ended = [process.communicate(timeout=600) for process in processes]
    finally:
        for process in processes:
            process.kill()
    for process, (_, errors) in zip(processes, ended, strict=True):
        assert process.returncode == 0, errors
    return [json.loads(out.splitlines()[-1]) for out, _ in ended]


def test_cases_equal_one_process(tmp_path):
    results = [each["compared"] for each in run(tmp_path, "compared")]
    for found in results:
        for name in cases.QUICK:
            check(found[name], 2)
    first, second = results
    for name in cases.QUICK:
        assert first[name]["bits"] == second[name]["bits"]
    assert first["own seeds"] == second["own seeds"]


def test_callbacks_and_a_resumed_run(tmp_path):
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    whole.mkdir()
    halves.mkdir()
    first, second = (each["called back"] for each in run(whole, "called back"))
    assert first["engine"] == "graph"
    assert first["bits"] == second["bits"]
    assert first["history"] == second["history"]
    assert first["files"] == ["best.keras", "log.csv"]
    assert second["files"] == []
    assert first["measured"] == second["measured"] > 0
    run(halves, "half")
    resumed = [each["called back"] for each in run(halves, "called back")]
    assert [each["resumed"] for each in resumed] == [2, 2]
    assert [each["bits"] for each in resumed] == [first["bits"]] * 2
    assert resumed[0]["history"] == first["history"]


def test_streams_equal_one_process(tmp_path):
    cases.write_streams(tmp_path)
    ended = run(tmp_path, "streamed", "counted")
    results = [each["streamed"] for each in ended]
    for each in ended:
        cases.check_counted(each["counted"])
    for name in ("table.csv", "images"):
        for found in results:
            assert found[name]["engine"] == "graph"
            for what in ("weights", "history", "evaluation"):
                assert found[name][what] <= 1e-5, what
        assert results[0][name]["bits"] == results[1][name]["bits"]


def test_other_streams_are_refused(tmp_path):
    first, second = (each["other streams"] for each in run(tmp_path, "other streams"))
    assert first == second
    arguments = {name: argument for name, (argument, _, _) in first.items()}
    assert arguments == dict.fromkeys(["order", "length", "unknown length", "wrong value"], "x")
    assert [moved for _, _, moved in first.values()] == [0, 0, 0, 0]


def test_errors(tmp_path):
    results = run(tmp_path, "other data", "only keras")
    first, second = (each["other data"] for each in results)
    assert first == second
    assert first["argument"] == "x"
    for found in results:
        (argument, loss), (_, penalty) = found["only keras"]
        assert argument == "model"
        assert "its loss may be no mean over rows" in loss
        assert "A loss that a layer adds" in penalty
