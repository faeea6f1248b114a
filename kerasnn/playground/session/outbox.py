"""What a page is to receive: texts in their order, and the newest frame."""

import collections
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from kerasnn.playground.session.frame import Array, Frame, dump, pack
from kerasnn.playground.session.words import in_words

_MOST_TEXTS = 1000
# Epochs in one frame; a frame is to stay small where a page was slow.
_MOST_EPOCHS = 500


class Outbox:
    """Collects messages from several threads until the connection takes them.

    If the page is slower than the training, a newer frame takes the place of one that was not
    taken; the losses of all epochs stay.

    Args:
        wake: Called, in any thread, when there is something to take.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._messages: collections.deque[str | bytes] = collections.deque(maxlen=_MOST_TEXTS)
        self._frame: Frame | None = None
        # Epoch, training loss and test loss.
        self._curves: list[tuple[int, float, float]] = []
        self._generation = 0
        self.is_closed = False

    def text(self, kind: str, **content: Any) -> None:
        """Adds a message in JSON."""
        self._add(dump({"type": kind, **content}))

    def binary(self, header: dict[str, Any], arrays: dict[str, Array]) -> None:
        """Adds a binary message that no newer one replaces."""
        self._add(pack(header, arrays))

    def error(self, error: Exception, number: Any = None) -> None:
        """Adds a message about an error, with the number of the message that it answers."""
        fields = {name: getattr(error, name, "") for name in ("argument", "rule", "hint")}
        value = repr(getattr(error, "value", None))[:200]
        self.text("error", id=number, **fields, value=value, text=in_words(str(error))[:2000])

    def notice(self, level: str, text: str, epoch: int) -> None:
        """Adds a message to be read: `info`, `warning` or `error`."""
        self.text("notice", level=level, text=text, epoch=epoch)

    def start(self, generation: int) -> None:
        """Drops frame and losses of an earlier training."""
        with self._lock:
            self._generation, self._frame, self._curves = generation, None, []

    def epoch(self, epoch: int, train_loss: float, test_loss: float) -> None:
        """Adds the losses of an epoch, which go with the first frame of it or of a later one."""
        with self._lock:
            self._curves.append((epoch, train_loss, test_loss))

    def frame(self, frame: Frame) -> None:
        """Sets the newest frame."""
        with self._lock:
            if frame.generation != self._generation:
                return
            self._frame = frame
        self._wake()

    def take(self) -> list[str | bytes]:
        """Returns all messages, with the newest frame last.

        `curves_epoch` in the header of a frame is the last epoch of its losses.
        """
        with self._lock:
            found = list(self._messages)
            self._messages.clear()
            frame, self._frame = self._frame, None
            if frame is None:
                return found
            # Training has gone on since the picture was begun.
            epoch = frame.header["epoch"]
            curves = [each for each in self._curves if each[0] <= epoch]
            self._curves = self._curves[len(curves) :]
        for first in range(0, max(1, len(curves)), _MOST_EPOCHS):
            some = curves[first : first + _MOST_EPOCHS]
            losses = np.array([each[1:] for each in some], np.float32).reshape(-1, 2)
            # The picture is in the first one.
            arrays = {} if first else frame.arrays
            header = {**frame.header, "curves_epoch": some[-1][0] if some else epoch}
            found.append(pack(header, {**arrays, "curves": Array(losses.T)}))
        return found

    def close(self) -> None:
        """Ends the connection, after what was added."""
        self.is_closed = True
        self._wake()

    def _add(self, message: str | bytes) -> None:
        with self._lock:
            self._messages.append(message)
        self._wake()
