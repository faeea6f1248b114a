"""Start and end of the server."""

import contextlib
import errno
import pathlib
import socket
import webbrowser
from typing import Any

import uvicorn

from kerasnn import _checks
from kerasnn.playground.points.tables import Table, read_table
from kerasnn.playground.server.access import Access
from kerasnn.playground.server.app import create_app
from kerasnn.playground.server.connection import MOST_BYTES
from kerasnn.playground.server.sessions import Sessions

_WAITING = 64
_ALL_HOSTS = ("0.0.0.0", "::")
# Time for the pages to close their connections after Ctrl-C. A page that is busy is not waited for.
_FAREWELL_SECONDS = 0.3


class _Server(uvicorn.Server):
    """Ends trainings as soon as Ctrl-C is pressed, while connections still close."""

    def __init__(self, config: uvicorn.Config, sessions: Sessions) -> None:
        super().__init__(config)
        self._sessions = sessions

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Called on Ctrl-C."""
        self._sessions.leave()
        super().handle_exit(sig, frame)


def run(
    *,
    table: pathlib.Path | None,
    target: str | None,
    host: str,
    port: int,
    browser: bool,
    sessions: int,
) -> None:
    """Serves until Ctrl-C.

    Args:
        table: A CSV file, or None.
        target: Its column to predict.
        host: What to bind to.
        port: Port; 0 for a free one.
        browser: Whether to open the page.
        sessions: How many pages may be open at once.
    """
    first = None if table is None else _table(table, target)
    access = Access()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # uvicorn would end the process where the port is taken.
    try:
        bound = socket.create_server((host, port), family=family)
    except OSError as error:
        raise _not_bound(host, port, error) from error

    def address_of(name: str) -> str:
        return f"http://{_in_address(name)}:{bound.getsockname()[1]}/?token={access.token}"

    address = address_of(host)

    def started() -> None:
        print(f"The playground is at {address} (Ctrl-C ends it.)", flush=True)
        if host in _ALL_HOSTS:
            print(f"Other machines open {address_of(_own_name())}", flush=True)
        if browser:
            webbrowser.open(address)

    open_ones = Sessions(sessions, table=first, target=target)
    app = create_app(open_ones, access, host=host, started=started)
    config = uvicorn.Config(
        app,
        # A warning tells of a bad request, whose sender has the answer.
        log_level="error",
        # The address holds the token.
        access_log=False,
        server_header=False,
        ws_max_size=MOST_BYTES * 4,
        # Pictures on their way inside one machine would take longer to pack than to send.
        ws_per_message_deflate=False,
        ws_max_queue=_WAITING,
        timeout_graceful_shutdown=_FAREWELL_SECONDS,  # type: ignore[arg-type]
    )
    with bound, contextlib.suppress(KeyboardInterrupt):
        _Server(config, open_ones).run(sockets=[bound])


def _not_bound(host: str, port: int, error: OSError) -> _checks.InvalidArgument:
    """Returns why a server cannot be bound, as an error of its host or its port."""
    if error.errno == errno.EADDRINUSE:
        hint = "Another server is there, perhaps an earlier playground. 0 takes a free port."
        return _checks.InvalidArgument("port", "not be in use", port, hint)
    if error.errno == errno.EACCES:
        hint = "Ports below 1024 are often reserved. 0 takes a free port."
        return _checks.InvalidArgument("port", "be one that this user may bind to", port, hint)
    hint = f"Binding to it fails: {error.strerror or error}."
    return _checks.InvalidArgument("host", "be an address of this machine", host, hint)


def _table(path: pathlib.Path, target: str | None) -> Table:
    table = read_table(path, path.name)
    names = [column.name for column in table.columns]
    if target not in names:
        hint = _checks.did_you_mean(target, names) or f"Its columns: {', '.join(names):.300}."
        raise _checks.InvalidArgument("target", f"be a column of {path.name}", target, hint)
    return table


def _in_address(host: str) -> str:
    """Returns a host as an address names it: one that this machine reaches."""
    if host in _ALL_HOSTS:
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _own_name() -> str:
    """Returns the number of this machine in its network, or else its name."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Chooses the interface, without sending anything: an address of documentation.
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return socket.gethostname()
        return probe.getsockname()[0]
