"""A page of the server without a browser: Starlette's client, and what tests do with it."""

import json
import threading

from starlette.websockets import WebSocketDisconnect

from kerasnn.playground.session.frame import unpack

ADDRESS = "http://127.0.0.1:8000"
TOKEN = "a-token"
SESSION = f"ws://127.0.0.1:8000/session?token={TOKEN}"
# Those of a browser on the server's own page.
OWN = {"origin": ADDRESS}


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self):
        return self.now


def receive(socket, kind):
    """Returns the next message of a type."""
    while True:
        message = socket.receive()
        if message["type"] == "websocket.close":
            raise WebSocketDisconnect(message["code"], message.get("reason"))
        if message.get("text") is not None:
            found = json.loads(message["text"])
            if found["type"] == kind:
                return found


def frame(socket, epoch=0):
    """Returns header and arrays of the next picture of an epoch, or of a later one."""
    while True:
        message = socket.receive()
        if message.get("bytes") is not None:
            header, arrays = unpack(message["bytes"])
            if "kind" not in header and header["epoch"] >= epoch:
                return header, arrays


def send(socket, kind, **content):
    socket.send_text(json.dumps({"type": kind, **content}))


def assert_no_threads():
    """The threads of all sessions end."""
    for thread in threading.enumerate():
        if thread.name.startswith(("session-", "painter-", "questions-")):
            thread.join(30)
            assert not thread.is_alive(), thread.name
