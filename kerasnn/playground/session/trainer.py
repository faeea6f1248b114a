"""Training of a session's network, epoch by epoch, in the thread that calls it."""

import dataclasses
import pathlib
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from kerasnn import _checks
from kerasnn.doctor.rules.finding import Finding
from kerasnn.playground.configuration import Configuration
from kerasnn.playground.network.changes import Change, added
from kerasnn.playground.network.code import code_of
from kerasnn.playground.network.network import Network
from kerasnn.playground.points.data import Data
from kerasnn.playground.points.tables import Table
from kerasnn.playground.session import messages
from kerasnn.playground.session.outbox import Outbox
from kerasnn.playground.session.painter import Painter, Picture, Snapshot, Watch, snapshot_values
from kerasnn.playground.session.prepared import Prepared, prepare
from kerasnn.playground.session.training.calls import Calls, Left
from kerasnn.playground.session.training.fitting import Fitting, Interrupted
from kerasnn.playground.session.training.live import Best, WeightPath
from kerasnn.playground.session.training.lockstep import Member
from kerasnn.playground.session.words import of_finding

#: Pause between two frames.
FRAME_SECONDS = 1 / 30
# Between two looks whether the other network of a pair has caught up.
_LOOK_SECONDS = 0.001
# Networks that may be gone before their programs are freed, which takes a moment.
_NETWORKS_LEFT = 20
_MOST_CHANGES = 2000


class Trainer:
    """A network and its training.

    Args:
        identifier: Name of the session.
        outbox: Receives what the page is to receive.
        tables: Tables by identifier.
        calls: What is called of the session.
        member: Its place in a pair of networks that train epoch for epoch.

    Attributes:
        configuration: What is shown.
        picture: Network and data set.
        epoch: Number of epochs done.
        changes: What was changed by hand.
        watch: What the page looks at.
        path: Weights during training.
        findings: What the doctor has found in this training.
    """

    configuration: Configuration
    picture: Picture

    def __init__(
        self,
        identifier: str,
        outbox: Outbox,
        tables: Mapping[str, Table],
        calls: Calls,
        member: Member,
    ) -> None:
        self.epoch = 0
        self.changes: list[Change] = []
        self.watch = Watch()
        self.path = WeightPath()
        self.findings: list[Finding] = []
        self._fitting: Fitting | None = None
        self._identifier, self._outbox, self._tables = identifier, outbox, tables
        self._calls, self._member = calls, member
        self._networks = 0
        self._painter = Painter(outbox.frame, outbox.error, f"painter-{identifier}")
        self._plays, self._steps, self._in_fit, self._ended = False, 0, False, False
        self._generation = 0
        self._prepared: Prepared | None = None
        self._next: Prepared | None = None
        self._logs: dict[str, float] | None = None
        self._best = Best(0)
        self._uncertainty: dict[str, np.ndarray] = {}
        self._seconds = 0.0
        self._due, self._drawn_epoch = 0.0, 0

    @property
    def running(self) -> bool:
        """Whether epochs are run."""
        return self._plays or self._steps > 0

    @property
    def network(self) -> Network:
        """The network."""
        return self.picture.network

    @property
    def begun_with(self) -> Configuration:
        """The configuration that training began with, from which the rate may have changed."""
        return self.picture.configuration

    def restart(self, configuration: Configuration) -> None:
        """Makes the first network."""
        self.configure(configuration)
        self.leave_if_replaced()

    def configure(self, configuration: Configuration) -> None:
        """Changes the learning rate, or begins anew where more has changed.

        Raises:
            InvalidArgument: If the data set cannot be made; nothing has changed then.
        """
        if self._prepared is not None:
            now = self.configuration
            only_rate = dataclasses.replace(now, learning_rate=configuration.learning_rate)
            if configuration == only_rate and now.schedule == "constant":
                self._set_rate(configuration)
                return
        self._next = prepare(configuration, self._tables, self._prepared)

    def reset(self) -> None:
        """Begins anew with the same seed, paused."""
        self._plays, self._steps = False, 0
        self._next = prepare(self.configuration, self._tables, self._prepared)

    def play(self) -> None:
        """Runs epochs until `pause`."""
        self._plays = not self._refuses_to_go_on()
        self._member.play()
        self._state()

    def pause(self) -> None:
        """Stops; one of a pair may have an epoch left to train, to end with the other."""
        self._steps = self._member.pause()
        self._plays = False
        self._state()
        self.draw()

    def step(self) -> None:
        """Runs one epoch."""
        if not self._refuses_to_go_on():
            self._plays, self._steps = False, 1

    def set_weight(self, change: Change) -> None:
        """Sets a weight."""
        self._add(dataclasses.replace(change, epoch=self.epoch))
        self._logs = None
        self.draw()

    def look_at(self, watch: Watch) -> None:
        """Draws what the page looks at, and joins a pair."""
        if watch.pair != self.watch.pair:
            self._member.join(watch.pair)
            self._report()
        self.watch = watch
        self.draw()

    def show_uncertainty(self, generation: int, kind: str, values: np.ndarray) -> None:
        """Draws an uncertainty over the map, if the network is still the same."""
        if generation == self._generation:
            self._uncertainty[kind] = values
            self.watch = dataclasses.replace(self.watch, uncertainty=kind)
            self.draw()

    def code(self) -> str:
        """Returns the script that gives the numbers shown."""
        return code_of(
            self.begun_with,
            self.picture.data,
            epochs=self.epoch,
            changes=self.changes,
            # At epoch 0 nothing has been trained that the script could compare.
            measured=self._logs is None and bool(self.epoch or self.changes),
            ended=self._ended,
        )

    def save(self, path: pathlib.Path) -> Data:
        """Writes the model as a `.keras` file; returns its data set."""
        self.network.model.save(path)
        return self.picture.data

    def leave_if_replaced(self) -> None:
        """Begins with the new network, if there is one.

        Raises:
            Left: If a training runs: it has to end first.
        """
        if self._next is None:
            return
        if self._in_fit:
            raise Left
        self._begin()

    def train(self) -> None:
        """Trains until the network is replaced, training ends, or the numbers are not finite."""
        self._in_fit, interrupted = True, False
        try:
            self._fit()
            self._end()
        except FloatingPointError:
            self._not_finite()
        except Left:
            pass
        except Interrupted:
            interrupted = True
        finally:
            self._in_fit = False
        if interrupted:
            self._calls.attend(None)
        self.leave_if_replaced()

    def finished(self, epoch: int, logs: dict[str, float], seconds: float) -> None:
        """Takes an epoch's numbers, draws them, and does what the page asks for.

        Args:
            epoch: Number of epochs done.
            logs: Losses and metrics.
            seconds: How long the epoch took.
        """
        self.epoch, self._logs = epoch, logs
        self._seconds += seconds
        self._outbox.epoch(epoch, logs["loss"], logs["val_loss"])
        if self._best.add(epoch, logs["val_loss"]):
            self._outbox.notice("info", self._best.text(), epoch)
        self.path.add(epoch, self.network)
        self._steps = max(0, self._steps - 1)
        self._report()
        self._calls.attend(self._draw_if_due())
        while self.running and self._member.waits():
            self._calls.attend(_LOOK_SECONDS)

    def interrupts(self) -> bool:
        """Whether a message waits that should not wait for the end of an epoch.

        Networks of a pair always end their epochs, so that both end with the same one.
        """
        return self._member.is_alone and self._calls.is_urgent()

    def draw(self) -> None:
        """Draws the network as it is."""
        trainable, others = snapshot_values(self.network)
        # Counted from when it was due, as epochs seldom end just then.
        now = time.perf_counter()
        self._due = min(max(self._due + FRAME_SECONDS, now), now + FRAME_SECONDS)
        self._drawn_epoch = self.epoch
        self._painter.draw(
            Snapshot(
                picture=self.picture,
                trainable=trainable,
                others=others,
                logs=self._logs,
                header=self._header(),
                watch=self.watch,
                uncertainty=self._uncertainty.get(self.watch.uncertainty),
            )
        )

    def close(self) -> None:
        """Ends the painter, and lets go of the network."""
        self._member.join(None)
        self._painter.close()
        self._painter.join(1.0)
        self._prepared = self._next = None
        self.__dict__.pop("picture", None)

    def notice(self, level: str, text: str) -> None:
        """Tells the page something."""
        self._outbox.notice(level, text, self.epoch)

    def found(self, finding: Finding) -> None:
        """Tells the page a finding of the doctor, and keeps it until the network is replaced."""
        if all((finding.name, finding.layer) != (each.name, each.layer) for each in self.findings):
            self.findings.append(finding)
            is_standardised = self.picture.data.table is not None
            text = of_finding(finding, is_standardised=is_standardised)
            # The epoch at whose end it was measured is counted after this.
            self._outbox.notice("warning", text, self.epoch + 1)

    def doctor_state(self) -> dict[str, Any] | None:
        """Returns what the doctor has measured of this training; None where it has not."""
        return None if self._fitting is None else self._fitting.live.doctor_state()

    def _begin(self) -> None:
        """Begins with the network that `configure` has made."""
        if self._next is None:
            return
        before, self._prepared, self._next = self._prepared, self._next, None
        prepared = self._prepared
        self.configuration = prepared.configuration
        prepared.begin()
        if before is None or prepared.network is not before.network:
            self._count_networks()
        self._generation += 1
        self._outbox.start(self._generation)
        self.picture = Picture(
            generation=self._generation,
            configuration=self.configuration,
            data=prepared.data,
            network=prepared.network,
        )
        self.epoch, self.changes, self._logs, self._ended = 0, [], None, False
        self._best = Best(self.configuration.early_stopping)
        self.findings, self._fitting = [], None
        self.path = WeightPath()
        self.path.add(0, prepared.network)
        self._uncertainty, self._seconds = {}, 0.0
        self.watch = dataclasses.replace(self.watch, unit=None, uncertainty="none")
        self._state()
        self._outbox.binary(*messages.points_of(prepared.data))
        self.draw()

    def _count_networks(self) -> None:
        self._networks += 1
        if self._networks > _NETWORKS_LEFT:
            self._networks = 0
            with self._painter.painting:
                self._calls.tidy()

    def _fit(self) -> None:
        if self._fitting is None:
            self._fitting = Fitting(self.picture, self)
        self._fitting.run(self.epoch)

    def _end(self) -> None:
        """Early stopping has ended training, with the best weights."""
        self._plays, self._steps, self._ended = False, 0, True
        self._logs = None
        self.notice(
            "info",
            f"Early stopping ended training after epoch {self.epoch}; the weights are those of "
            f"epoch {self._best.epoch}. To go on, press reset, or switch it off.",
        )
        self._state()
        self.draw()

    def _not_finite(self) -> None:
        self._plays, self._steps = False, 0
        self._logs = None
        self.notice(
            "error",
            f"The loss became NaN at epoch {self.epoch + 1}; the weights are those of epoch "
            f"{self.epoch}. Lower the learning rate or press reset.",
        )
        self._state()
        self.draw()

    def _refuses_to_go_on(self) -> bool:
        if self._ended:
            self.notice("info", "Early stopping has ended training. To train again, press reset.")
        return self._ended

    def _draw_if_due(self) -> float | None:
        """Draws where it is time; returns the seconds to wait before the next epoch."""
        now = time.perf_counter()
        speed = self.watch.speed
        if not self.running:
            self.draw()
            self._state()
        elif speed and self.epoch - self._drawn_epoch >= speed:
            self.draw()
            return max(0.0, self._due - now)
        elif not speed and now >= self._due and not self._painter.is_busy:
            self.draw()
        return None

    def _set_rate(self, configuration: Configuration) -> None:
        rate = configuration.learning_rate
        if rate != self.configuration.learning_rate:
            if self.epoch or self.changes:
                self._add(Change(epoch=self.epoch, value=rate))
            else:
                self.network.model.optimizer.learning_rate.assign(rate)
                self.picture = dataclasses.replace(self.picture, configuration=configuration)
        self.configuration = configuration
        self._state()
        self.draw()

    def _add(self, change: Change) -> None:
        if len(self.changes) >= _MOST_CHANGES:
            raise _checks.InvalidArgument(
                "value",
                f"be changed at most {_MOST_CHANGES} times in one training",
                change.value,
                "Press reset.",
            )
        change.apply(self.network)
        self.changes = added(self.changes, change)

    def _report(self) -> None:
        """Tells the pair of this network where it is."""
        self._member.report(self.epoch, runs=self.running)

    def _state(self) -> None:
        self._report()
        self._outbox.text("state", **messages.state_of(self, self._identifier, self._tables))

    def _header(self) -> dict[str, Any]:
        return {
            "epoch": self.epoch,
            "running": self.running,
            "seconds": self._seconds,
            "rate": self.epoch / self._seconds if self._seconds else 0.0,
            "learning_rate": float(self.network.model.optimizer.learning_rate.numpy()),
            "best_epoch": self._best.epoch,
            "stopped_epoch": self._best.stopped_epoch,
        }
