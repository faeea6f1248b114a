"""A page without a browser: it talks to a session, and waits for what it sends."""

import contextlib
import json
import threading
import time
from typing import Any

from kerasnn.playground.configuration import Configuration
from kerasnn.playground.session.frame import unpack
from kerasnn.playground.session.outbox import Outbox
from kerasnn.playground.session.session import Session

SECONDS = 30


class Page:
    """What a session has sent, and the session.

    Attributes:
        messages: All messages in JSON.
        frames: Header and arrays of all pictures.
        points: Header and arrays of all rows.
        losses: Training and test loss of all epochs since the last restart.
        drawn: Last epoch of the losses of each frame, and how many losses there were with it.
    """

    def __init__(self, tables=None, *, name="page", lockstep=None, **configuration):
        self.messages, self.frames, self.points, self.losses = [], [], [], []
        self.sizes, self.drawn = [], []
        self._changed = threading.Condition()
        self._outbox = Outbox(self._take)
        first = Configuration.from_dict(configuration)
        self.session = Session(
            name, self._outbox, first, tables or {}, threading.Lock(), lockstep=lockstep
        )

    def send(self, kind, **content):
        """Sends a message."""
        self.session.receive({"type": kind, **content})

    def configure(self, **configuration):
        """Sends a configuration."""
        self.send("configure", config=configuration)

    def wait(self, condition, what="") -> Any:
        """Waits until a condition holds, and returns it."""
        with self._changed:
            assert self._changed.wait_for(condition, SECONDS), (what, self.messages[-3:])
            return condition()

    def wait_for(self, kind, *, after=0, **fields) -> Any:
        """Waits for a message of a type with some fields, and returns it."""

        def found():
            for message in self.messages[after:]:
                if message["type"] == kind and fields.items() <= message.items():
                    return message
            return None

        return self.wait(found, (kind, fields))

    def frame(self, condition=lambda header: True, after=None) -> Any:
        """Waits for a frame, by default the next one, and returns header and arrays."""
        after = len(self.frames) if after is None else after

        def found():
            return next((f for f in self.frames[after:] if condition(f[0])), None)

        return self.wait(found, "frame")

    def ask(self, what, **options):
        """Asks a question, and waits for the answer or an error."""
        after, number = len(self.messages), time.monotonic_ns() % 10**9
        self.send("ask", what=what, id=number, **options)

        def found():
            return next((m for m in self.messages[after:] if m.get("id") == number), None)

        return self.wait(found, what)

    def train(self, epochs) -> Any:
        """Runs some epochs one by one, and returns the last frame."""
        start = self.frames[-1][0]["epoch"] if self.frames else 0
        for epoch in range(start + 1, start + epochs + 1):
            self.send("step")
            frame = self.frame(lambda header, epoch=epoch: header["epoch"] == epoch, after=0)
        return frame

    def close(self):
        """Ends the session; returns whether its threads have ended."""
        self.session.close()
        return self.session.join(SECONDS)

    def _take(self):
        with self._changed:
            for message in self._outbox.take():
                if isinstance(message, str):
                    self.messages.append(json.loads(message))
                    continue
                header, arrays = unpack(message)
                if header.get("kind") == "points":
                    self.points.append((header, arrays))
                    self.losses, self.drawn = [], []
                    self.frames = []
                    continue
                self.sizes.append(len(message))
                self.losses += arrays["curves"].T.tolist()
                self.drawn.append((header["curves_epoch"], len(self.losses)))
                self.frames.append((header, arrays))
            self._changed.notify_all()


@contextlib.contextmanager
def page(tables=None, **configuration):
    """Opens a page, with its first frame."""
    opened = Page(tables, **configuration)
    try:
        opened.wait(lambda: opened.frames)
        yield opened
    finally:
        assert opened.close()
