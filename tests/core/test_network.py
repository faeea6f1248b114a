"""`connection_error` finds out within its time limit whether a host answers."""

import http.server
import socket
import threading

import pytest

from kerasnn._core import network


@pytest.fixture
def server():
    """A local HTTP server that answers with 501 to HEAD."""
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()
        thread.join()


@pytest.fixture
def closed_port():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{bound.getsockname()[1]}/"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_any_answer_of_any_address_counts(server, closed_port, capfd):
    assert network.connection_error([server]) is None
    assert network.connection_error([closed_port, server]) is None


def test_the_error_says_what_stands_in_the_way(closed_port):
    assert "refused" in str(network.connection_error([closed_port]))
    assert isinstance(network.connection_error(["no address"]), ValueError)
    assert isinstance(network.connection_error([]), ValueError)


def test_name_resolution_is_not_waited_for(monkeypatch):
    over = threading.Event()

    def silence(*arguments, **named):
        over.wait()
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", silence)
    before = set(threading.enumerate())
    error = network.connection_error(["https://example.org"], timeout_s=0.05)
    over.set()
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
    assert isinstance(error, TimeoutError)
