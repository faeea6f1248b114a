"""Ends any Python process that reaches for a network; its directory stands on PYTHONPATH.

The standard library tells an audit hook of every look-up of a name and of every connection. Local
ones are let pass. What is refused is also fatal, so that no script can do without it in silence.
"""

import os
import sys

_LOCAL = ("", "localhost", "127.0.0.1", "::1", "0.0.0.0")


def _stay_offline(event, arguments):
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto"):
        # The address of a Unix socket is a path.
        host = arguments[1][0] if isinstance(arguments[1], tuple) else None
    else:
        return
    if isinstance(host, bytes):
        host = host.decode()
    if host is not None and host not in _LOCAL:
        os.write(2, f"reached for a network: {host}\n".encode())
        os._exit(1)


sys.addaudithook(_stay_offline)
