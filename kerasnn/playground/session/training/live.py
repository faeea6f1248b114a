"""The callback of a session's training, and what it records."""

import time
from typing import Any, Protocol

import numpy as np

from kerasnn._core.callback import Callback
from kerasnn.doctor import TrainingDoctor
from kerasnn.doctor.rules.finding import Finding
from kerasnn.playground.network.network import Network
from kerasnn.playground.session.painter import Watch

# History keeps all epochs, and a playground may run for days.
_EPOCHS_KEPT = 1000
_POINTS_OF_PATH = 200
# A person waits for what the doctor finds.
_LOOK_SECONDS = 0.5
_MOST_TIME = 0.1
# Of a training that goes on for a day it keeps a thousand measurements, and the first losses.
_PART_BETWEEN_LOOKS = 0.01
_EPOCHS_DIAGNOSED = 100_000


class Watched(Protocol):
    """What the callbacks report to: the trainer."""

    watch: Watch

    def finished(self, epoch: int, logs: dict[str, float], seconds: float) -> None:
        """Takes an epoch's numbers."""

    def found(self, finding: Finding) -> None:
        """Takes a new finding of the doctor."""

    def interrupts(self) -> bool:
        """Whether a message waits that should not wait for the end of an epoch."""
        ...


class _LiveDoctor(TrainingDoctor):
    """The doctor, at work twice a second from the first epoch on, and less often after a minute.

    It ends with epoch 100,000. `TrainingDoctor` takes at most 4% of the time, its first measurement
    included, which is traced: the second one would come seconds later.
    """

    def __init__(self) -> None:
        super().__init__(verbose=0)
        self._last_seconds, self._looked, self._looks = 0.0, 0.0, 0
        self._first_look = 0.0

    def _is_due(self, epoch: int) -> bool:
        now = time.perf_counter()
        # What the first one took, tracing it, says nothing about the others.
        cost = self._last_seconds / _MOST_TIME if self._looks > 1 else 0.0
        wait = max(_LOOK_SECONDS, cost, _PART_BETWEEN_LOOKS * (now - self._first_look))
        if self._looks and now - self._looked < wait:
            return False
        if not self._looks:
            self._first_look = now
        self._looked, self._looks = now, self._looks + 1
        return True

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Looks on, as long as it keeps the losses of all epochs."""
        if len(self._losses) < _EPOCHS_DIAGNOSED:
            super().on_epoch_end(epoch, logs)


class Live(Callback):
    """Reports each epoch, and lets the doctor look on where the page asks for it.

    Args:
        trainer: Receives the numbers of each epoch.
        train: Inputs and targets that are trained on.
        test: Inputs and targets of the test rows.
    """

    model: Any

    def __init__(self, trainer: Watched, train: tuple[Any, Any], test: tuple[Any, Any]) -> None:
        super().__init__()
        self._trainer = trainer
        self._parts = train, test
        self._doctor: TrainingDoctor | None = None
        self._began = 0.0

    def doctor_state(self) -> dict[str, Any] | None:
        """Returns what the doctor has measured of this training; None where it does not look on."""
        return None if self._doctor is None else self._doctor.state()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Starts the clock."""
        if self._trainer.watch.diagnose and self._doctor is None:
            train, test = self._parts
            self._doctor = _LiveDoctor()
            self._doctor.set_model(self.model)
            self._doctor.set_data((*train, None), (*test, None))
            self._doctor.on_train_begin()
        elif not self._trainer.watch.diagnose:
            self._doctor = None
        if self._doctor is not None:
            self._doctor.on_epoch_begin(epoch)
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Reports the epoch."""
        seconds = time.perf_counter() - self._began
        if self._doctor is not None:
            known = len(self._doctor.findings_)
            self._doctor.on_epoch_end(epoch, logs)
            for finding in self._doctor.findings_[known:]:
                self._trainer.found(finding)
        if epoch % _EPOCHS_KEPT == 0:
            history = self.model.history
            history.epoch.clear()
            for values in history.history.values():
                values.clear()
        self._trainer.finished(epoch + 1, dict(logs or {}), seconds)


class Best:
    """The best epoch, and the one at which early stopping would end training.

    Args:
        patience: Epochs without a better test loss that it waits; 0 for never.

    Attributes:
        epoch: The best epoch; None where nothing is watched, or before the first.
        stopped_epoch: The epoch at which patience has run out, or None.
    """

    def __init__(self, patience: int) -> None:
        self._patience, self._loss, self._waited = patience, np.inf, 0
        self.epoch: int | None = None
        self.stopped_epoch: int | None = None

    def add(self, epoch: int, loss: float) -> bool:
        """Takes the test loss of an epoch; returns whether patience runs out with it."""
        if not self._patience or self.stopped_epoch is not None:
            return False
        self._waited += 1
        if loss < self._loss:
            self._loss, self.epoch, self._waited = loss, epoch, 0
        elif self._waited >= self._patience:
            self.stopped_epoch = epoch
            return True
        return False

    def text(self) -> str:
        """Returns in words what early stopping does."""
        return (
            f"Early stopping, with a patience of {self._patience}: no better test loss since "
            f"epoch {self.epoch}."
        )


class WeightPath:
    """Weights at some epochs from the first to the last, at most about 200.

    Attributes:
        epochs: The epochs.
        weights: All kernels and biases of each, in one array.
    """

    def __init__(self) -> None:
        self.epochs: list[int] = []
        self.weights: list[np.ndarray] = []
        self._every = 1

    def add(self, epoch: int, network: Network) -> None:
        """Takes the weights after an epoch, where it is time."""
        if epoch % self._every:
            return
        if len(self.epochs) >= _POINTS_OF_PATH:
            self._every *= 2
            kept = [i for i, each in enumerate(self.epochs) if each % self._every == 0]
            self.epochs = [self.epochs[i] for i in kept]
            self.weights = [self.weights[i] for i in kept]
            if epoch % self._every:
                return
        self.epochs.append(epoch)
        self.weights.append(network.weights())
