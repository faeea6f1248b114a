"""One websocket: messages of a page to its session, and pictures back."""

import asyncio
import contextlib
import json
from typing import Any

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect

from kerasnn import _checks
from kerasnn.playground.server.access import Access
from kerasnn.playground.server.sessions import FullError, Open, Sessions

#: Longest message of a page, in bytes.
MOST_BYTES = 64 << 10
_TRY_AGAIN_LATER = 1013
_FORBIDDEN = 4403
_ENDED = 4408


async def connect(websocket: WebSocket, sessions: Sessions, access: Access) -> None:
    """Serves a page until it leaves, or its session ends."""
    if refusal := access.refusal(websocket):
        await websocket.close(_FORBIDDEN, refusal)
        return
    await websocket.accept()
    loop, changed = asyncio.get_running_loop(), asyncio.Event()

    def wake() -> None:
        # It raises where the server has ended.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(changed.set)

    try:
        opened = sessions.open(wake)
    except FullError as error:
        await websocket.close(_TRY_AGAIN_LATER, str(error))
        return
    try:
        async with anyio.create_task_group() as both:
            both.start_soon(_send, websocket, opened, changed, both.cancel_scope)
            await _receive(websocket, opened, sessions)
            both.cancel_scope.cancel()
    finally:
        sessions.close(opened)


async def _send(
    websocket: WebSocket, opened: Open, changed: asyncio.Event, both: anyio.CancelScope
) -> None:
    try:
        while True:
            await changed.wait()
            changed.clear()
            for message in opened.outbox.take():
                if isinstance(message, str):
                    await websocket.send_text(message)
                else:
                    await websocket.send_bytes(message)
            if opened.outbox.is_closed:
                await websocket.close(_ENDED, opened.reason or "The session has ended.")
                both.cancel()
                return
    except (WebSocketDisconnect, RuntimeError):
        # The page has left while something was sent.
        both.cancel()


async def _receive(websocket: WebSocket, opened: Open, sessions: Sessions) -> None:
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        sessions.touch(opened)
        try:
            opened.session.receive(_parsed(message))
        except _checks.InvalidArgument as error:
            opened.outbox.error(error)


def _parsed(message: Any) -> Any:
    """Returns the JSON in a message.

    Raises:
        InvalidArgument: If it is none, or too long.
    """
    text = message.get("text")
    if text is None or len(text) > MOST_BYTES:
        got = "bytes" if text is None else f"{len(text)} characters"
        rule = f"be a text of at most {MOST_BYTES} characters"
        raise _checks.InvalidArgument("message", rule, got, got=got)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        got = repr(text[:80])
        raise _checks.InvalidArgument("message", "be JSON", text[:80], got=got) from None
