"""The command, and the server in a process of its own."""

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

import kerasnn
from kerasnn.__main__ import main
from kerasnn.cli.playground import NEEDED
from kerasnn.playground.hosts import is_loopback
from kerasnn.playground.serve import NEEDED as NEEDED_BY_SERVE


def test_other_machines_want_to_be_allowed(invalid):
    with invalid("host", "0.0.0.0"):
        kerasnn.playground.serve(host="0.0.0.0", browser=False)
    assert not is_loopback("example.org")
    assert is_loopback("::1")


def test_wrong_arguments_are_refused_before_anything_starts(tmp_path, invalid):
    serve = kerasnn.playground.serve
    for name, value in (("port", 65536), ("sessions", 0), ("browser", 1), ("host", "")):
        with invalid(name, value):
            serve(**{name: value})
    with invalid("table", str(tmp_path / "none.csv")):
        serve(tmp_path / "none.csv")
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    with invalid("target", None):
        serve(tmp_path / "table.csv")
    with pytest.raises(TypeError, match="Did you mean `browser`"):
        serve(browsers=False)


def test_a_port_that_is_taken(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["playground", "--port", port, "--no-browser"]) == 1
    words = capsys.readouterr().err
    assert f"`--port` must not be in use; got --port {port}" in words


def test_the_command_names_its_flags(tmp_path, capsys):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n3,4\n")
    assert main(["playground", str(tmp_path / "t.csv"), "--target", "c", "--no-browser"]) == 1
    assert "`--target` must be a column of t.csv; got --target c" in capsys.readouterr().err
    assert main(["playground", "--host", "0.0.0.0", "--no-browser"]) == 1
    assert "--allow-remote" in capsys.readouterr().err
    assert main(["playground", "--port", "-1", "--no-browser"]) == 1
    assert "got --port -1" in capsys.readouterr().err
    assert NEEDED == NEEDED_BY_SERVE


def test_it_says_what_to_install(monkeypatch, capsys):
    found = lambda name: None if name == "uvicorn" else True  # noqa: E731
    monkeypatch.setattr("importlib.util.find_spec", found)
    with pytest.raises(SystemExit) as ended:
        main(["playground"])
    assert ended.value.code == 2
    words = capsys.readouterr().err
    assert words.count("\n") == 1
    assert "uvicorn" in words
    assert "pip install 'kerasnn[playground]'" in words
    with pytest.raises(ImportError, match="uvicorn"):
        kerasnn.playground.serve(browser=False)


@pytest.mark.slow
def test_a_process_serves_until_ctrl_c(tmp_path):
    rows = "\n".join(f"{i % 11},{i % 5},{'xy'[i % 2]}" for i in range(50))
    (tmp_path / "t.csv").write_text(f"a,b,kind\n{rows}\n")
    words = ["-m", "kerasnn", "playground", tmp_path / "t.csv", "--target", "kind", "--no-browser"]
    with subprocess.Popen(
        [sys.executable, *map(str, words)], stdout=subprocess.PIPE, text=True, env={**os.environ}
    ) as process:
        line = process.stdout.readline()
        address = next(word for word in line.split() if word.startswith("http://"))
        assert address.startswith("http://127.0.0.1:")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(address.partition("?")[0])
        assert refused.value.code == 403
        refused.value.close()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert process.stdout.read() == ""
