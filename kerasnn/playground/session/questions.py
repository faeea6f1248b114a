"""Questions that take seconds, answered in a thread of their own on copies of a network."""

import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from kerasnn import _checks
from kerasnn.playground.session.outbox import Outbox
from kerasnn.playground.session.question import Question

_MOST_WAITING = 3
_FAILURES = (ValueError, TypeError, RuntimeError, OSError, FloatingPointError, tf.errors.OpError)


class Questions:
    """Answers questions one after the other.

    Args:
        outbox: Receives the answers.
        slow: Held while a question is answered: one at a time in all sessions.
        ends: Set when the session ends.
        name: Name of the thread.
    """

    def __init__(
        self, outbox: Outbox, slow: threading.Lock, ends: threading.Event, name: str
    ) -> None:
        self._outbox, self._slow, self._ends, self._name = outbox, slow, ends, name
        self._waiting: queue.Queue[tuple[Question, Any] | None] = queue.Queue(_MOST_WAITING)
        self._thread: threading.Thread | None = None
        #: Whether a question is being answered.
        self.is_busy = False

    def ask(self, question: Question, show: Callable[[str, np.ndarray], None]) -> None:
        """Takes a question.

        Args:
            question: The question.
            show: Receives the kind and the values of an uncertainty over the map.

        Raises:
            InvalidArgument: If too many wait already.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        try:
            self._waiting.put_nowait((question, show))
        except queue.Full:
            hint = "Wait for an answer."
            raise _checks.InvalidArgument(
                "what", "come when others are answered", question.what, hint
            ) from None

    def close(self) -> None:
        """Ends the thread, after the question that is being answered."""
        # Where it is full, the thread sees the event before it takes the next question.
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(None)

    def join(self) -> None:
        """Waits for the end of the thread."""
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        # Imported when they are first needed: they import scikit-learn.
        from kerasnn.playground.session import answers

        while True:
            asked = self._waiting.get()
            if asked is None or self._ends.is_set():
                return
            question, show = asked
            self.is_busy = True
            try:
                with self._slow:
                    if self._ends.is_set():
                        return
                    found = answers.answer(question, self._progress(question), show)
                about = {"what": question.what, "generation": question.generation}
                self._outbox.text("answer", id=question.number, **about, **found)
            except _FAILURES as error:
                self._outbox.error(error, question.number)
            finally:
                self.is_busy = False

    def _progress(self, question: Question) -> Callable[[int, int], None]:
        return lambda done, of: self._outbox.text("progress", what=question.what, done=done, of=of)
