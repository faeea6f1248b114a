"""The web application: pages, websockets, uploads and downloads."""

import asyncio
import contextlib
import pathlib
import urllib.parse
from collections.abc import AsyncIterator, Callable

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from kerasnn import _checks
from kerasnn.playground.points.tables import MOST_BYTES
from kerasnn.playground.server import access as rules
from kerasnn.playground.server.access import Access
from kerasnn.playground.server.connection import connect
from kerasnn.playground.server.exports import FILES, read_file
from kerasnn.playground.server.sessions import Open, Sessions
from kerasnn.playground.session.session import FAILURES
from kerasnn.playground.session.words import in_words

_STATIC = pathlib.Path(__file__).parents[1] / "static"
_IDLE_CHECK_SECONDS = 10.0


def create_app(
    sessions: Sessions,
    access: Access,
    *,
    host: str = "127.0.0.1",
    started: Callable[[], None] = lambda: None,
    idle_check_seconds: float = _IDLE_CHECK_SECONDS,
) -> Starlette:
    """Returns the application.

    Args:
        sessions: Its sessions.
        access: Who may use it.
        host: What the server is bound to.
        started: Called, in a thread, when the server answers.
        idle_check_seconds: Seconds between two looks for idle sessions.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(_end_idle(sessions, idle_check_seconds))]
        tasks.append(asyncio.create_task(run_in_threadpool(started)))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            sessions.close_all()

    files = _Files(sessions, access)

    async def websocket(socket: WebSocket) -> None:
        await connect(socket, sessions, access)

    return Starlette(
        routes=[
            Route("/", files.page),
            Mount("/static", StaticFiles(directory=_STATIC, check_dir=False)),
            WebSocketRoute("/session", websocket),
            Route("/sessions/{identifier}/table", files.upload, methods=["POST"]),
            Route("/sessions/{identifier}/{name}", files.download),
        ],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=rules.allowed_hosts(host)),
            Middleware(_Headers),
        ],
        lifespan=lifespan,
    )


async def _end_idle(sessions: Sessions, every: float) -> None:
    while True:
        await asyncio.sleep(every)
        sessions.end_idle()


class _Headers:
    """Adds the headers of all answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(rules.headers())
            await send(message)

        await self._app(scope, receive, send_with_headers)


class _Files:
    """What is asked for and sent by single requests."""

    def __init__(self, sessions: Sessions, access: Access) -> None:
        self._sessions, self._access = sessions, access

    async def page(self, request: Request) -> Response:
        """The page."""
        if refusal := self._access.refusal(request):
            return _forbidden(refusal)
        return FileResponse(_STATIC / "index.html")

    async def download(self, request: Request) -> Response:
        """A file of a session."""
        if refusal := self._access.refusal(request):
            return _forbidden(refusal)
        name, opened = request.path_params["name"], self._session(request)
        if opened is None or name not in FILES:
            return _missing()
        try:
            content = await run_in_threadpool(read_file, opened.session, name)
        except (*FAILURES, TimeoutError) as error:
            return _wrong(error)
        media_type, saved_as = FILES[name]
        disposition = f'attachment; filename="{saved_as}"'
        return Response(
            content, media_type=media_type, headers={"Content-Disposition": disposition}
        )

    async def upload(self, request: Request) -> Response:
        """Takes a table."""
        if refusal := self._access.refusal(request):
            return _forbidden(refusal)
        opened = self._session(request)
        if opened is None:
            return _missing()
        self._sessions.touch(opened)
        try:
            content = await _body(request)
        except _checks.InvalidArgument as error:
            return _wrong(error)
        # Headers hold ASCII alone.
        name = urllib.parse.unquote(request.headers.get("x-file-name", "table.csv"))
        try:
            table = await run_in_threadpool(self._sessions.uploads.add, content, name)
        except FAILURES as error:
            return _wrong(error)
        return JSONResponse(table.as_dict())

    def _session(self, request: Request) -> Open | None:
        return self._sessions.find(request.path_params["identifier"])


async def _body(request: Request) -> bytes:
    """Returns the bytes of a request.

    Raises:
        InvalidArgument: If there are too many.
    """
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_BYTES:
            raise _checks.InvalidArgument(
                "table", f"have at most {MOST_BYTES // 10**6} MB", size, got="a larger file"
            )
        parts.append(part)
    return b"".join(parts)


def _forbidden(refusal: str) -> Response:
    return Response(f"{refusal}\n", 403)


def _missing() -> Response:
    return Response("There is nothing here.\n", 404)


def _wrong(error: Exception) -> Response:
    fields = {name: str(getattr(error, name, "")) for name in ("argument", "rule", "hint")}
    return JSONResponse({"error": {**fields, "text": in_words(str(error))[:2000]}}, 400)
