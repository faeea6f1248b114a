"""Calls of `kerasnn.fit` that together are one training."""

import math
import time
from collections.abc import Sequence
from typing import Any

from kerasnn._core.callback import Callback
from kerasnn._core.model import State
from kerasnn.playground.network import layers
from kerasnn.playground.network.network import targets
from kerasnn.playground.session.painter import Picture
from kerasnn.playground.session.training.live import Live, Watched
from kerasnn.training import fit

_FOREVER = 10**9
# A message of the page is waited for between two calls of the compiled program.
_CALL_SECONDS = 0.05
# A shorter epoch is not left: keeping the state of the model would take a part of its time.
_SHORT_SECONDS = 0.02


class Interrupted(Exception):  # noqa: N818 - no error.
    """A message of the page has ended a long epoch before its end."""


class Fitting:
    """The training of a network, which can be left within an epoch and gone on with.

    An epoch that is left is forgotten: the network is as it was before it, and later the same
    epoch is run again, to the same numbers as without the interruption.

    Args:
        picture: Network and data set.
        trainer: Receives the numbers of each epoch.
    """

    def __init__(self, picture: Picture, trainer: Watched) -> None:
        self._picture = picture
        configuration, split = picture.configuration, picture.data.split
        y_train, y_test = targets(configuration, picture.data)
        self._train, self._test = (split.x_train, y_train), (split.x_test, y_test)
        calls = layers.schedule_callback(configuration), layers.stopping_callback(configuration)
        self._callbacks = [call.make() for call in calls if call is not None]
        self.live = Live(trainer, self._train, self._test)
        self._guard = _Guard(trainer, self._callbacks)

    def run(self, epoch: int) -> None:
        """Trains from an epoch on until a callback ends it.

        Raises:
            Interrupted: If a message of the page was not to wait until the end of an epoch.
            FloatingPointError: If the numbers are not finite.
        """
        configuration = self._picture.configuration
        try:
            fit(
                self._picture.network.model,
                *self._train,
                batch_size=configuration.batch_size,
                initial_epoch=epoch,
                epochs=_FOREVER,
                validation_data=self._test,
                validation_batch_size=len(self._test[1]),
                callbacks=[*self._callbacks, self._guard, self.live],
                seed=configuration.seed,
                engine="graph",
                verbose=0,
            )
        except Interrupted:
            # After the other callbacks, which may change the weights at the end of a training.
            self._guard.go_back()
            raise


class _Guard(Callback):
    """Leaves an epoch that lasts long when a message waits.

    Args:
        trainer: Says whether a message waits.
        others: Callbacks that go on later as if nothing had happened.
    """

    model: Any
    call_seconds = _CALL_SECONDS

    def __init__(self, trainer: Watched, others: Sequence[Any]) -> None:
        super().__init__()
        self._trainer, self._others = trainer, others
        self._before: State | None = None
        self._states: list[dict[str, Any]] = []
        self._began, self._seconds = 0.0, math.inf

    def go_back(self) -> None:
        """Makes the model what it was before the epoch."""
        if self._before is not None:
            self._before.restore()
        self._before = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Gives the other callbacks what they had learned before an interruption."""
        for callback, state in zip(self._others, self._states, strict=False):
            callback.restore(state)
        self._states = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Keeps the state of the model, unless the epoch before was short."""
        self._before = State(self.model) if self._seconds > _SHORT_SECONDS else None
        self._began = time.perf_counter()

    def within_epoch(self, done: int, steps: int | None) -> None:
        """Leaves the epoch if a message waits and more steps are to come."""
        if self._before is None or steps is None or done == steps:
            return
        if self._trainer.interrupts():
            self._states = [callback.state() for callback in self._others]
            raise Interrupted

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Lets go of the state."""
        self._before = None
        self._seconds = time.perf_counter() - self._began
