"""Whether hosts can be reached, found out within seconds."""

import http.client
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Collection

_TIMEOUT_S = 5.0


def connection_error(urls: Collection[str], *, timeout_s: float = _TIMEOUT_S) -> Exception | None:
    """Asks some addresses at once; any HTTP status of one of them counts as an answer.

    Proxies that the environment names are used.

    Args:
        urls: Addresses to ask.
        timeout_s: Longest wait in seconds, name resolution included.

    Returns:
        None where one has answered, else the last error.
    """
    found: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()

    def ask(url: str) -> None:
        try:
            request = urllib.request.Request(url, method="HEAD")
            urllib.request.urlopen(request, timeout=timeout_s).close()
        except urllib.error.HTTPError:
            found.put(None)
        except (OSError, ValueError, http.client.HTTPException) as error:
            found.put(error)
        else:
            found.put(None)

    deadline = time.monotonic() + timeout_s
    for url in urls:
        # Name resolution has no timeout, so that a thread may outlive this call.
        threading.Thread(target=ask, args=(url,), daemon=True).start()
    error: Exception | None = ValueError("no address to ask")
    for _ in urls:
        try:
            error = found.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            return TimeoutError(f"no answer within {timeout_s:g} s")
        if error is None:
            return None
    return error
