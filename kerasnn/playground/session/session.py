"""`Session`: one network that trains in a thread, and answers its page."""

import concurrent.futures
import contextlib
import dataclasses
import pathlib
import threading
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from kerasnn import _checks
from kerasnn.playground.configuration import Configuration
from kerasnn.playground.points.tables import Table
from kerasnn.playground.session import messages
from kerasnn.playground.session.commands import Command, Mailbox, checked
from kerasnn.playground.session.outbox import Outbox
from kerasnn.playground.session.questions import Questions
from kerasnn.playground.session.trainer import Trainer
from kerasnn.playground.session.training.calls import Calls, Closed
from kerasnn.playground.session.training.lockstep import Lockstep, Member

_JOIN_SECONDS = 1.0
# What a wrong message, a wrong table or a full disk may raise.
FAILURES = (ValueError, TypeError, RuntimeError, OSError, KeyError, tf.errors.OpError)


class Session:
    """A network, its data set and its training, which one page shows.

    All work on the model happens in one thread. Messages of the page wait until an epoch ends.

    Args:
        identifier: Name of the session.
        outbox: Receives what the page is to receive.
        configuration: What it begins with.
        tables: Tables by identifier.
        slow: Held while a question that takes all cores is answered.
        lockstep: The pairs of networks that train epoch for epoch.
        tidy: Frees what gone networks have left, if no other session is there.
        ended: Called in the session's thread when nothing of it runs any more.
    """

    def __init__(
        self,
        identifier: str,
        outbox: Outbox,
        configuration: Configuration,
        tables: Mapping[str, Table],
        slow: threading.Lock,
        *,
        lockstep: Lockstep | None = None,
        tidy: Callable[[], None] = lambda: None,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self.identifier = identifier
        self._outbox = outbox
        self._mailbox = Mailbox()
        self._ends = threading.Event()
        self._questions = Questions(outbox, slow, self._ends, f"questions-{identifier}")
        self._tidy = tidy
        member = Member(Lockstep() if lockstep is None else lockstep, identifier)
        calls = Calls(attend=self._attend, is_urgent=self._is_urgent, tidy=self._tidy_if_idle)
        self._trainer = Trainer(identifier, outbox, tables, calls, member)
        self._first, self._ended = configuration, ended
        self._thread = threading.Thread(target=self._run, name=f"session-{identifier}", daemon=True)
        self._thread.start()

    def receive(self, message: Any) -> None:
        """Takes a message of the page; a wrong one is answered by an error."""
        try:
            self._mailbox.put(checked(message))
        except _checks.InvalidArgument as error:
            number = message.get("id") if isinstance(message, dict) else None
            self._outbox.error(error, number if isinstance(number, (int, float)) else None)

    def call(self, function: Any) -> concurrent.futures.Future:
        """Calls a function of the trainer in the training thread; returns its future result."""
        future: concurrent.futures.Future = concurrent.futures.Future()

        def action() -> None:
            try:
                future.set_result(function(self._trainer))
            except FAILURES as error:
                future.set_exception(error)

        self._mailbox.put(Command(action=action))
        return future

    def save(self, path: pathlib.Path) -> concurrent.futures.Future:
        """Writes the model as a `.keras` file, between two epochs."""
        return self.call(lambda trainer: trainer.save(path))

    def leave(self) -> None:
        """Ends training at the next epoch or message, without a lock that another thread holds."""
        self._ends.set()

    def close(self) -> None:
        """Ends training and threads."""
        self._ends.set()
        # Where it is full, the thread sees the event at its next command.
        with contextlib.suppress(_checks.InvalidArgument):
            self._mailbox.put(Command(action=lambda: None))

    def join(self, seconds: float = _JOIN_SECONDS) -> bool:
        """Waits for the end of the threads; returns whether they have ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._begin()
            while True:
                while not self._trainer.running:
                    self._attend(None)
                self._trainer.train()
        except Closed:
            pass
        finally:
            self._ends.set()
            self._questions.close()
            self._trainer.close()
            self._outbox.close()
            self._questions.join()
            self._ended()

    def _begin(self) -> None:
        try:
            self._trainer.restart(self._first)
        except FAILURES as error:
            # The page is to say what is wrong with the table of the command line.
            self._outbox.error(error)
            self._trainer.restart(Configuration())

    def _tidy_if_idle(self) -> None:
        if not self._questions.is_busy:
            self._tidy()

    def _is_urgent(self) -> bool:
        return self._ends.is_set() or self._mailbox.is_urgent

    def _attend(self, seconds: float | None = None) -> None:
        """Does what has come; while paused, waits for it.

        Args:
            seconds: How long to wait while running; None for not at all.

        Raises:
            Closed: If the session ends.
            Left: If the training that calls this has been replaced.
        """
        while True:
            paused = not self._trainer.running
            wait = paused or bool(seconds and seconds > 0)
            command = self._mailbox.take(wait=wait, seconds=None if paused else seconds)
            if self._ends.is_set():
                raise Closed
            if command is None:
                return
            self._do(command)
            self._trainer.leave_if_replaced()
            if paused and self._trainer.running:
                return

    def _do(self, command: Command) -> None:
        try:
            if command.action is not None:
                command.action()
            else:
                self._obey(command)
        except FAILURES as error:
            self._outbox.error(error, command.number)

    def _obey(self, command: Command) -> None:
        trainer, message = self._trainer, command.message
        match command.kind:
            case "configure":
                trainer.configure(Configuration.from_dict(message.get("config")))
            case "play":
                trainer.play()
            case "pause":
                trainer.pause()
            case "step":
                trainer.step()
            case "reset":
                trainer.reset()
            case "regenerate":
                now = trainer.configuration
                seed = (now.data_seed + 1) % 2**31
                trainer.configure(dataclasses.replace(now, data_seed=seed))
            case "set_weight":
                trainer.set_weight(messages.weight_of(message, trainer.network))
            case "watch":
                trainer.look_at(messages.watch_of(message, trainer.watch))
            case "ask":
                self._ask(command)

    def _ask(self, command: Command) -> None:
        trainer, message = self._trainer, command.message
        what = message.get("what")
        if what == "code":
            answer = {"what": what, "code": trainer.code(), "epoch": trainer.epoch}
            self._outbox.text("answer", id=command.number, **answer)
            return
        question = messages.question_of(message, command.number, trainer)

        def show(kind: str, values: Any) -> None:
            trainer.show_uncertainty(question.generation, kind, values)

        self._questions.ask(
            question,
            lambda kind, values: self._mailbox.put(Command(action=lambda: show(kind, values))),
        )
