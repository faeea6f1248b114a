"""Who may use the server: token, origin, and the host that a request names."""

import dataclasses
import secrets
from collections.abc import Mapping

from starlette.requests import HTTPConnection

from kerasnn.playground.hosts import is_loopback

_LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")
_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}


@dataclasses.dataclass(frozen=True)
class Access:
    """The server's secret.

    Args:
        token: What each address has to name.
    """

    token: str = dataclasses.field(default_factory=lambda: secrets.token_urlsafe(24))

    def refusal(self, connection: HTTPConnection) -> str:
        """Returns why a request is refused; empty for one that is allowed.

        It has to name the token, and to come from no page of another origin. A browser names the
        origin of each websocket and each upload. A request without one comes from no page.
        """
        given = connection.query_params.get("token", "")
        if not secrets.compare_digest(given.encode(), self.token.encode()):
            return "The address needs the token that the server printed."
        origin = connection.headers.get("origin")
        if not self._is_own(origin, connection):
            return f"A page of another origin may not use this server: {origin!r:.200}."
        return ""

    def _is_own(self, origin: str | None, connection: HTTPConnection) -> bool:
        if origin is None:
            return True
        scheme = _SCHEMES.get(connection.url.scheme, "")
        return origin == f"{scheme}://{connection.headers.get('host', '')}"


def allowed_hosts(host: str) -> list[str]:
    """Returns the names by which requests may call the server.

    A page of another origin can make its own name mean this machine; so a server for this machine
    alone answers to no other name.
    """
    return [*_LOOPBACK, host] if is_loopback(host) else ["*"]


def headers() -> Mapping[str, str]:
    """Returns the headers of all answers: nothing is loaded from elsewhere, nothing is kept.

    In `connect-src`, 'self' allows websockets to the same host and port as well. `unsafe-eval` is
    for those who drive a browser, not for the page, which evaluates no text: conditions that
    Playwright waits for are evaluated in the page. Scripts still come from this server alone, and
    never from text within the page.
    """
    return {
        "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-eval'; "
        "img-src 'self' data: blob:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
