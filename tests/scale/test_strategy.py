"""Waiting for workers that are started by hand."""

import json
import socket

import pytest

from kerasnn import scale
from tests.training.replicas.test_workers import free_ports


def cluster(monkeypatch, addresses, index=0):
    task = {"type": "worker", "index": index}
    config = json.dumps({"cluster": {"worker": addresses}, "task": task})
    monkeypatch.setenv("TF_CONFIG", config)


@pytest.fixture
def silent():
    """An address on which nobody listens, nor can begin to."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


def test_a_worker_that_is_missing(silent, monkeypatch):
    [port] = free_ports(1)
    cluster(monkeypatch, [f"127.0.0.1:{port}", silent])
    with pytest.raises(TimeoutError, match=f"No answer within 0.3 s from {silent}"):
        scale.strategy(timeout_s=0.3)


def test_a_port_that_is_in_use(silent, monkeypatch, invalid):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        own = f"127.0.0.1:{taken.getsockname()[1]}"
        cluster(monkeypatch, [own, silent])
        with invalid("TF_CONFIG", own):
            scale.strategy(timeout_s=0.3)


@pytest.mark.parametrize(
    "config",
    [
        "",
        "no JSON",
        "[1]",
        '{"cluster": {"worker": ["127.0.0.1:1"]}, "task": {"type": "worker", "index": 1}}',
        '{"cluster": {"worker": ["127.0.0.1:1"]}, "task": {"type": "ps", "index": 0}}',
        '{"cluster": {"worker": ["127.0.0.1", "b:2"]}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["127.0.0.1:1"]}}',
    ],
)
def test_a_cluster_that_is_not_described(config, monkeypatch, invalid):
    monkeypatch.setenv("TF_CONFIG", config)
    with invalid("TF_CONFIG") as caught:
        scale.strategy()
    assert '"index": 0' in caught.value.hint


def test_a_time_that_is_none(invalid):
    with invalid("timeout_s", 0):
        scale.strategy(timeout_s=0)
