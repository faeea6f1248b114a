"""One request over HTTP, and everything that can go wrong with it."""

import http.client
import json
import threading
import time
import urllib.error
import urllib.request
from typing import Any

_CHUNK_BYTES = 1 << 16


def fetch(address: str, body: bytes | None, timeout_s: float) -> bytes:
    """Returns what a server answers to a GET, or to a POST where there is a `body` of JSON.

    Raises:
        TimeoutError: If the whole answer is not there in time.
        ConnectionError: If no server answers.
        ValueError: If the server answers with an error.
    """
    found: list[Any] = []

    def work() -> None:
        try:
            found.append(_fetched(address, body, timeout_s))
        except (OSError, ValueError) as error:
            found.append(error)

    # Finding the address, and an answer that drips, know no limit of their own.
    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    worker.join(timeout_s)
    result = found[0] if found else TimeoutError()
    if isinstance(result, TimeoutError):
        raise TimeoutError(
            f"the server at {address} gave no answer within timeout_s={timeout_s:g} seconds."
        )
    if not isinstance(result, bytes):
        raise result
    return result


def _fetched(address: str, body: bytes | None, timeout_s: float) -> bytes:
    end = time.monotonic() + timeout_s
    headers = {} if body is None else {"Content-Type": "application/json"}
    said = None
    try:
        request = urllib.request.Request(address, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as response:
                return _read(response, end)
        except urllib.error.HTTPError as error:
            with error:
                reason = " ".join(str(error.reason).split())
                said = f"{error.code} {reason}: {_error(_read(error, end))}"
    # An answer that is cut off is no OSError, nor is a port or a host that cannot be one.
    except (OSError, http.client.HTTPException, ValueError, OverflowError) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, TimeoutError):
            raise TimeoutError from None
        reason = " ".join(str(reason).split())
        raise ConnectionError(
            f"no server answered at {address}: {reason}. Is it running, with its "
            "--rest_api_port in `url`?"
        ) from None
    raise ValueError(f"the server at {address} answered {said}")


def _read(response: Any, end: float) -> bytes:
    parts = []
    while part := response.read1(_CHUNK_BYTES):
        parts.append(part)
        if time.monotonic() > end:
            raise TimeoutError
    text = b"".join(parts)
    if response.length:
        raise http.client.IncompleteRead(text, response.length)
    return text


def _error(text: bytes) -> str:
    """Returns the server's words, which it puts into JSON."""
    try:
        return json.loads(text)["error"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return text[:200].decode(errors="replace")
