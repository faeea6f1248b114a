"""`serve`: the playground in a browser."""

import os
import pathlib

from kerasnn import _checks
from kerasnn._core.process.extras import missing
from kerasnn.playground.hosts import is_loopback

#: Packages of the extra `playground`.
NEEDED = ("starlette", "uvicorn", "websockets")
_MOST_PORT = 65_535


@_checks.known_arguments
def serve(
    table: str | os.PathLike[str] | None = None,
    *,
    target: str | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    browser: bool = True,
    allow_remote: bool = False,
    sessions: int = 4,
) -> None:
    """Serves the playground until Ctrl-C, and prints its address.

    The page trains real Keras models by `kerasnn.fit`, one for each tab, and shows them while they
    train: on TensorFlow Playground's data sets and on one's own tables. It hands over the code
    that gives the same numbers, the `.keras` file, and the SavedModel. All files come from this
    package, and no request leaves the machine. The address holds a token, without which nothing is
    answered.

    Args:
        table: A CSV file that each page begins with.
        target: Its column to predict.
        host: Address to bind to. One that other machines reach needs `allow_remote`: whoever knows
            the token then trains on this machine, and the connection is not encrypted.
        port: Port to bind to; 0 for a free one.
        browser: Whether to open the page in the browser.
        allow_remote: Whether other machines may connect.
        sessions: Number of pages that may be open at once.

    Raises:
        InvalidArgument: If an argument breaks its rule, the table cannot be read, or the port is in
            use.
        ImportError: If the packages of `kerasnn[playground]` are missing.
        TypeError: If an argument is unknown.

    Example:
        >>> serve("penguins.csv", target="species")  # doctest: +SKIP
        The playground is at http://127.0.0.1:41827/?token=... (Ctrl-C ends it.)
    """
    lacking = missing("playground", NEEDED)
    if lacking:
        raise ImportError(lacking)
    for name, value in (("browser", browser), ("allow_remote", allow_remote)):
        _checks.boolean(name, value)
    _checks.integer("sessions", sessions)
    _checks.integer("port", port, at_least=0)
    if port > _MOST_PORT:
        raise _checks.InvalidArgument("port", f"be at most {_MOST_PORT}", port)
    if not isinstance(host, str) or not host:
        raise _checks.InvalidArgument("host", "be the name or the number of a host", host)
    if not is_loopback(host) and not allow_remote:
        raise _checks.InvalidArgument(
            "host",
            "be this machine's own, such as 127.0.0.1",
            host,
            "To let other machines connect, give allow_remote=True.",
        )
    if table is not None and not pathlib.Path(table).is_file():
        raise _checks.InvalidArgument("table", "be a file that exists", str(table))
    if (table is None) != (target is None):
        missing_one = "target" if target is None else "table"
        raise _checks.InvalidArgument(missing_one, "be given too", None)
    from kerasnn.playground.server.run import run

    run(
        table=None if table is None else pathlib.Path(table),
        target=target,
        host=host,
        port=port,
        browser=browser,
        sessions=sessions,
    )
