"""Start and end of the server."""

import contextlib
import pathlib
import socket
import webbrowser

import uvicorn

from kerasnn import _checks
from kerasnn.playground.points.tables import Table, read_table
from kerasnn.playground.server.access import Access
from kerasnn.playground.server.app import create_app
from kerasnn.playground.server.connection import MOST_BYTES
from kerasnn.playground.server.sessions import Sessions

_WAITING = 64


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
    bound = socket.create_server((host, port), family=family)
    address = f"http://{_in_address(host)}:{bound.getsockname()[1]}/?token={access.token}"

    def started() -> None:
        print(f"The playground is at {address} (Ctrl-C ends it.)", flush=True)
        if browser:
            webbrowser.open(address)

    app = create_app(
        Sessions(sessions, table=first, target=target), access, host=host, started=started
    )
    config = uvicorn.Config(
        app,
        log_level="warning",
        # The address holds the token.
        access_log=False,
        server_header=False,
        ws_max_size=MOST_BYTES * 4,
        # Pictures on their way inside one machine would take longer to pack than to send.
        ws_per_message_deflate=False,
        ws_max_queue=_WAITING,
        timeout_graceful_shutdown=1,
    )
    with bound, contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[bound])


def _table(path: pathlib.Path, target: str | None) -> Table:
    table = read_table(path, path.name)
    names = [column.name for column in table.columns]
    if target not in names:
        hint = _checks.did_you_mean(target, names) or f"Its columns: {', '.join(names):.300}."
        raise _checks.InvalidArgument("target", f"be a column of {path.name}", target, hint)
    return table


def _in_address(host: str) -> str:
    """Returns a host as an address names it: one that this machine reaches."""
    if host in ("0.0.0.0", "::"):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
