"""A PostgreSQL server on this machine: what the tests of shared searches use."""

import contextlib
import glob
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile

import pytest

BINARIES = pathlib.Path(next(iter(sorted(glob.glob("/usr/lib/postgresql/*/bin"))), "/nowhere"))
REASON = "PostgreSQL is not installed: apt-get install postgresql"
NEEDS_POSTGRESQL = pytest.mark.skipif(not (BINARIES / "initdb").exists(), reason=REASON)
PASSWORD = "fern&moss"
IN_A_URL = "fern%26moss"
# Its data is lost with the test.
SETTINGS = "-c fsync=off -c autovacuum=off -c shared_buffers=16MB -c unix_socket_directories=''"


def unused_port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


class Server:
    """A server on a port of 127.0.0.1; `url` makes an empty database, `stop` ends it early."""

    def __init__(self, port, stop):
        self.port, self.stop = port, stop

    def url(self, name):
        import psycopg

        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self._url(name)

    def _url(self, name):
        return f"postgresql://keeper:{IN_A_URL}@127.0.0.1:{self.port}/{name}"


@contextlib.contextmanager
def running_server():
    """The server refuses to run as root: it then runs as the user of Debian's package."""
    user = {"user": "postgres", "group": "postgres", "extra_groups": []}
    user = user if os.geteuid() == 0 else {}

    def call(program, *arguments):
        command = [str(BINARIES / program), *arguments]
        # What a server inherits stays open for as long as it runs.
        done = subprocess.run(
            command, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **user
        )
        assert done.returncode == 0, command

    folder = pathlib.Path(tempfile.mkdtemp(prefix="postgresql-"))
    try:
        secret = folder / "password"
        secret.write_text(PASSWORD)
        if user:
            shutil.chown(secret, user["user"])
            shutil.chown(folder, user["user"])
        data, port = str(folder / "data"), unused_port()
        access = ["-A", "scram-sha-256", "--pwfile", str(secret)]
        call("initdb", "-D", data, "-U", "keeper", "-N", "--locale=C", *access)
        options = f"-p {port} -c listen_addresses=127.0.0.1 {SETTINGS}"
        call("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
        with contextlib.ExitStack() as stack:
            stack.callback(call, "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
            yield Server(port, stop=lambda: stack.close())
    finally:
        shutil.rmtree(folder)
