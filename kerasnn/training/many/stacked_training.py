"""Loop over the epochs of a stack, with validation and callbacks by member."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, Self

import keras
import numpy as np

from kerasnn import callbacks
from kerasnn._core.callback import Callback
from kerasnn._core.display.progress import Bar
from kerasnn.training.inputs.standardization import learn_standardization
from kerasnn.training.loop import training_length
from kerasnn.training.loop.job import Job
from kerasnn.training.loop.nan_guard import not_finite
from kerasnn.training.loop.row_blocks import batch_spec
from kerasnn.training.many.batch_plan import BatchPlan
from kerasnn.training.programs.hyperparameters import differing
from kerasnn.training.programs.pacing import Pacer
from kerasnn.training.programs.stacked.program import StackedProgram
from kerasnn.training.programs.train_step import Logs, as_python, build

# A second trace takes as long as leaving so many weights as they are, by member and step; and as
# the operations for it take as long as some thousand weights in each step.
_TRACE_WEIGHTS, _STEP_WEIGHTS = 1 << 26, 5000
# A trace takes as long as the gradients in so many steps of a stack that need none.
_EVALUATED_STEPS = 1000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Member:
    """A model of a stack.

    Attributes:
        model: The model.
        rows: Indices of its training rows.
        validation_rows: Indices of its validation rows among those of the stack, or None.
        callbacks: Its callbacks.
        seed: Seed of the order of its rows.
        start: Another model of the stack, if the member starts with the variables of that one, and
            has only the settings of `model`, which several members may then have. It has no
            callbacks, and its variables stay in the stack.
    """

    model: Any
    rows: np.ndarray
    validation_rows: np.ndarray | None
    callbacks: tuple[Any, ...] = ()
    seed: int | None = None
    start: Any = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tested:
    """A member on its test rows.

    Attributes:
        logs: Loss and metrics.
        penalty: Mean of the penalties in the loss.
        outputs: Outputs, in the order of the rows.
    """

    logs: Logs
    penalty: float
    outputs: Any


def take(nest: Any, rows: Any) -> Any:
    """Returns some rows of each array of a structure."""
    return keras.tree.map_structure(lambda a: None if a is None else a[rows], nest)


class StackedTraining:
    """Trains the members of a stack in one program.

    Args:
        job: The job of the first member, on the rows of all.
        others: Rows to validate and test on, as Keras packs them, or None.
        members: The members, of one architecture. They validate if they have rows for it.
    """

    def __init__(self, job: Job, others: Any, members: Sequence[Member]) -> None:
        self._job, self._members = job, members
        for member in members:
            if member.start is None:
                learn_standardization(
                    member.model, take(job.x, member.rows), take(job.y, member.rows), None
                )
        self._own_names = _has_own_names(members[0].model)
        _build(job, members, self._own_names)
        models = [member.model for member in members]
        for member in members:
            training_length.begin(member.model, -(-len(member.rows) // job.step_rows) * job.epochs)
        starts = [member.start or member.model for member in members]
        self._validation = None
        rows = [m.validation_rows for m in members if m.validation_rows is not None]
        if rows:
            self._validation = BatchPlan(rows, job.validation_batch_size or job.step_rows)
        evaluated = self._validation.steps * job.epochs if self._validation else 0
        self._program = StackedProgram(
            models,
            starts,
            job.packed,
            others,
            differing(models),
            job.step_rows,
            one_trace=evaluated <= _EVALUATED_STEPS,
        )
        self._batches = BatchPlan(
            [member.rows for member in members],
            job.step_rows,
            shuffle=bool(job.shuffle),
            seeds=[m.seed for m in members if m.seed is not None] or None,
        )
        self._running = np.ones(len(members), bool)
        self._pacer = Pacer()
        self._runs: list[_Run] = []
        # A snapshot of all members after the current epoch, made when it is asked for.
        self._snapshot: list[np.ndarray] = []

    def train(
        self, on_epoch: Callable[[int], None] = lambda done: None
    ) -> list[keras.callbacks.History]:
        """Runs the epochs; returns one History a member, with `engine`, `reason` and `error`.

        Args:
            on_epoch: Receives the number of epochs that were run, after each.
        """
        job = self._job
        self._runs = [
            _Run(job, member, self._batches.steps, self._names_of_logs(i))
            for i, member in enumerate(self._members)
        ]
        try:
            for i, run in enumerate(self._runs):
                run.begin(functools.partial(self._weights, i))
            with _Progress(job, len(self._runs), self._batches.steps) as progress:
                for epoch in range(job.initial_epoch, job.epochs):
                    self._run_epoch(epoch, progress)
                    on_epoch(epoch + 1)
                    if not self._running.any():
                        break
            self._end(_numbers(self._running))
        except BaseException as error:
            left = _numbers(self._running)
            state = [value.numpy() for value in self._program.state()]
            for i in left:
                self._write(i, state)
                self._runs[i].abort(error)
                training_length.end(self._runs[i].model)
            raise
        for run in self._runs:
            training_length.end(run.model)
        histories = [run.history for run in self._runs]
        for history, run in zip(histories, self._runs, strict=True):
            history.engine = "stacked"
            history.reason = f"{len(self._runs)} models of one architecture train in one program."
            history.error = run.error
        return histories

    def test(self, rows: Sequence[np.ndarray], batch_size: int) -> list[Tested]:
        """Evaluates the trained models, each on its rows of the validation data.

        Args:
            rows: Indices of the rows of each member.
            batch_size: Batch size.
        """
        # Callbacks may have put other weights back.
        self._program.read([i for i, m in enumerate(self._members) if m.callbacks])
        parts: list[list[Any]] = [[] for _ in rows]
        penalties = np.zeros(len(rows))
        logs: Logs = {}
        self._program.reset_metrics()
        for order, active in BatchPlan(rows, batch_size).epoch(0):
            for batch in order:
                logs, _, seen = self._program(batch[None], active, training=False, one_trace=True)
                outputs, batch_penalties = seen
                for i in _numbers(active):
                    parts[i].append(take(outputs, i))
                    penalties[i] += batch.shape[1] * batch_penalties[i] / len(rows[i])
        return [
            Tested(
                logs=self._runs[i].logs(logs, i),
                penalty=float(penalties[i]),
                outputs=keras.tree.map_structure(lambda *p: np.concatenate(p), *parts[i]),
            )
            for i in range(len(rows))
        ]

    def named_by(self, member: int) -> Any:
        """Returns a model whose metrics have the names in the logs of a member."""
        return self._members[member if self._own_names else 0].model

    def _names_of_logs(self, member: int) -> dict[str, str]:
        """Returns name in the logs of the first member -> name in those of another."""
        if not self._own_names:
            return {}
        names = (list(self.named_by(i).get_metrics_result()) for i in (0, member))
        return dict(zip(*names, strict=True))

    def _run_epoch(self, epoch: int, progress: "_Progress") -> None:
        job, runs = self._job, self._runs
        with_callbacks = [i for i in _numbers(self._running) if self._members[i].callbacks]
        for i in with_callbacks:
            runs[i].callbacks.on_epoch_begin(epoch)
        self._program.read_rates(with_callbacks)
        before = self._program.state()
        progress.begin_epoch(epoch)
        logs, finite, _ = self._pass(self._batches, epoch, training=True, progress=progress)
        self._fail(_numbers(self._running & ~finite), epoch, before)
        running = _numbers(self._running)
        by_member = [run.logs(logs, i) for i, run in enumerate(runs)]
        with_callbacks = [i for i in running if self._members[i].callbacks]
        if self._validation is not None and job.validates_after(epoch) and running:
            for i in with_callbacks:
                runs[i].callbacks.on_test_begin()
            logs, *_ = self._pass(self._validation, epoch, training=False)
            for i in running:
                validated = runs[i].logs(logs, i)
                if i in with_callbacks:
                    runs[i].callbacks.on_test_end(validated)
                by_member[i] |= {f"val_{name}": value for name, value in validated.items()}
        progress.end_epoch([by_member[i] for i in running])
        self._snapshot = []
        for i in running:
            if any(map(_reads_model, self._members[i].callbacks)):
                self._program.write(i, self._state(), optimizer=False)
            runs[i].end_epoch(epoch, by_member[i])
        self._end([i for i in with_callbacks if runs[i].model.stop_training])

    def _state(self) -> list[np.ndarray]:
        """Returns the snapshot of the current epoch."""
        self._snapshot = self._snapshot or [value.numpy() for value in self._program.state()]
        return self._snapshot

    def _weights(self, member: int) -> list[np.ndarray]:
        """Returns the current weights of one member, in the order of its model's."""
        return [value for _, value in self._program.weights(member, self._state())]

    def _pass(
        self,
        batches: BatchPlan,
        epoch: int,
        *,
        training: bool,
        progress: "_Progress | None" = None,
    ) -> tuple[Logs, np.ndarray, Any]:
        """Runs all batches of an epoch or of a validation."""
        result = None
        self._program.reset_metrics()
        moved = batches.steps * self._job.epochs * (self._program.size + _STEP_WEIGHTS)
        # Evaluation has one trace, which tests run too.
        one_trace = not training or (batches.is_mixed and moved <= _TRACE_WEIGHTS)
        options = {"training": training, "one_trace": one_trace}
        for order, active in batches.epoch(epoch):
            at = 0
            while at < len(order):
                part = order[at : at + self._pacer.steps()]
                self._pacer.start()
                result = self._program(part, active, **options)
                self._pacer.stop(len(part))
                at += len(part)
                if progress is not None:
                    progress.show(len(part), result[0], self._running)
        if result is None:
            raise RuntimeError("A member has no rows.")
        return result

    def _fail(self, members: Any, epoch: int, before: Any) -> None:
        """Ends the training of members whose weights or loss are not finite."""
        if not members:
            return
        now = [value.numpy() for value in self._program.state()]
        last = [value.numpy() for value in before]
        for i in members:
            names = self._program.not_finite(i, now)
            self._write(i, last)
            self._runs[i].fail(not_finite(self._runs[i].model, epoch, names))
            self._running[i] = False

    def _end(self, members: Any) -> None:
        """Ends the training of some members, with the weights that they have now."""
        if not members:
            return
        state = [value.numpy() for value in self._program.state()]
        for i in members:
            self._write(i, state)
            self._running[i] = False
            self._runs[i].end()

    def _write(self, member: int, state: Sequence[np.ndarray]) -> None:
        if self._members[member].start is None:
            self._program.write(member, state)


class _Run:
    """One member's callbacks and History."""

    def __init__(self, job: Job, member: Member, steps: int, names: dict[str, str]) -> None:
        self.model, self._own = member.model, member.callbacks
        self.history: Any = keras.callbacks.History()
        self.error: FloatingPointError | None = None
        self._names = names
        self._logs: Logs | None = None
        # Keras's list takes as long as a small model's epoch.
        self._callbacks = None
        if self._own:
            self._callbacks = keras.callbacks.CallbackList(
                [*member.callbacks, self.history],
                model=member.model,
                verbose=0,
                epochs=job.epochs,
                steps=steps,
            )

    @property
    def callbacks(self) -> keras.callbacks.CallbackList:
        """The list of callbacks of a member that has some."""
        if self._callbacks is None:
            raise RuntimeError("A member without callbacks has no list of them.")
        return self._callbacks

    def logs(self, logs: Logs, member: int) -> Logs:
        """Returns the logs of this member, the `member`-th of the stack, by its own names."""
        return as_python({self._names.get(k, k): v[member] for k, v in logs.items()})

    def begin(self, weights: Callable[[], list[np.ndarray]]) -> None:
        self.model.stop_training = False
        for callback in self._own:
            if isinstance(callback, callbacks.EarlyStopping):
                callback.use_snapshots(weights)
        self.model.history = self.history
        self.history.on_train_begin()
        if self._callbacks is not None:
            self._callbacks.on_train_begin()

    def end_epoch(self, epoch: int, logs: Logs) -> None:
        self._logs = logs
        if self._callbacks is not None:
            self._callbacks.on_epoch_end(epoch, logs)
            return
        self.history.epoch.append(epoch)
        for name, value in logs.items():
            self.history.history.setdefault(name, []).append(value)

    def end(self) -> None:
        if self._callbacks is not None:
            self._callbacks.on_train_end(self._logs)

    def fail(self, error: FloatingPointError) -> None:
        self.error = error
        self.abort(error)

    def abort(self, error: BaseException) -> None:
        for callback in self._own:
            if isinstance(callback, Callback):
                callback.on_train_abort(error)


class _Progress:
    """A bar over all epochs, or a line for each, with means over the members that still train."""

    def __init__(self, job: Job, members: int, steps: int) -> None:
        self._epochs, self._steps, self._has_lines = job.epochs, steps, job.verbose == 2
        verbose = 0 if self._has_lines else job.verbose
        total = steps * (job.epochs - job.initial_epoch)
        self._bar = Bar(f"Training of {members} models", total, verbose)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: Any) -> None:
        self._bar.__exit__(*raised)

    def begin_epoch(self, epoch: int) -> None:
        """Notes the epoch."""
        if self._has_lines:
            print(f"Epoch {epoch + 1}/{self._epochs}")
            self._line = keras.utils.Progbar(self._steps, verbose=2, stateless_metrics=())

    def show(self, steps: int, logs: Logs, running: np.ndarray) -> None:
        """Moves the bar by some steps."""
        if not self._bar.is_silent:
            means = {name: float(np.mean(v[running])) for name, v in sorted(logs.items())}
            self._bar.step(steps, **means)

    def end_epoch(self, logs: Sequence[Logs]) -> None:
        """Shows the end of the epoch."""
        if self._has_lines:
            self._line.update(self._steps, _means(logs), finalize=True)
        elif not self._bar.is_silent:
            self._bar.step(0, **dict(_means(logs)))


def _reads_model(callback: Any) -> bool:
    """Whether a callback of those that can be stacked reads weights from its model."""
    stops = isinstance(callback, keras.callbacks.EarlyStopping)
    return stops and not isinstance(callback, callbacks.EarlyStopping)


def _numbers(chosen: np.ndarray) -> list[int]:
    return np.flatnonzero(chosen).tolist()


def _means(logs: Sequence[Logs]) -> list[tuple[str, float]]:
    names = logs[0] if logs else []
    return [(name, float(np.mean([np.mean(member[name]) for member in logs]))) for name in names]


def _has_own_names(model: Any) -> bool:
    """Whether the names of logs may differ between models of one architecture.

    Outputs are named by layers, and Keras numbers the metrics that are given as objects.
    """
    given = model.get_compile_config()
    objects = [given["metrics"], given["weighted_metrics"]]
    return len(model.outputs) > 1 or not all(
        leaf is None or isinstance(leaf, str) for leaf in keras.tree.flatten(objects)
    )


def _build(job: Job, members: Sequence[Member], own_names: bool) -> None:
    """Creates the metrics of the first model, and those of others where their names are needed."""
    spec = batch_spec(job.packed)
    for i, member in enumerate(members):
        monitors = {getattr(callback, "monitor", "loss") for callback in member.callbacks}
        if i == 0 or own_names or not monitors <= {"loss", "val_loss"}:
            build(member.model, spec)
