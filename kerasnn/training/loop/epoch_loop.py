"""Loop over epochs with validation, which calls the hooks of callbacks, of compiled engines."""

import abc
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import keras

from kerasnn import _checks
from kerasnn._core.callback import Callback
from kerasnn._core.display.cell_epochs import cell_epochs
from kerasnn._core.display.progress import verbosity
from kerasnn._core.process.strategy import strategy_of
from kerasnn.training.loop.engine import Engine
from kerasnn.training.loop.job import Job
from kerasnn.training.loop.needs_keras import why_only_keras
from kerasnn.training.programs.evaluation import Evaluation
from kerasnn.training.programs.stream_evaluation import StreamEvaluation
from kerasnn.training.programs.train_step import Logs, as_python

# Receives the number of steps done in an epoch, and the logs so far.
Progress = Callable[[int, Logs], None]


class CompiledEngine(Engine):
    """An engine that runs an epoch as one or a few calls of a compiled program.

    Attributes:
        steps: Steps in an epoch; None if the data does not say.
    """

    steps: int | None = None

    @classmethod
    def cannot_run(cls, job: Job) -> str | None:
        """Returns the reason why only Keras's own loop can run a job."""
        return why_only_keras(job)

    @abc.abstractmethod
    def refresh(self) -> None:
        """Makes the program anew if something has changed that was traced into it."""

    @abc.abstractmethod
    def run_epoch(self, epoch: int, progress: Progress) -> Logs:
        """Runs one epoch, reports each part of it to `progress`, and returns its logs.

        Raises:
            FloatingPointError: If weights or loss become NaN or infinite. The model then has the
                weights from before the epoch.
        """

    def run_epochs(self, first: int) -> Iterator[Logs]:
        """Runs one or more epochs from `first` on without progress; yields the logs of each."""
        yield self.run_epoch(first, lambda *_: None)

    def train(self) -> keras.callbacks.History:
        """Runs the epochs; calls callbacks and validates as Keras does."""
        with cell_epochs(self._job.verbose) as cell:
            return self._train(self._job.shown.progress_bar or cell)

    def _train(self, bar: keras.callbacks.Callback | None) -> keras.callbacks.History:
        job, model = self._job, self._job.shown.model
        callbacks = keras.callbacks.CallbackList(
            [*job.callbacks, *([] if bar is None else [bar])],
            add_history=True,
            add_progbar=job.verbose != 0 and bar is None,
            verbose=verbosity(job.verbose),
            epochs=job.epochs,
            steps=self.steps,
            model=model,
        )
        validate = _validation(job, callbacks)
        # Then only History listens: Keras's list takes as long for it as a small epoch.
        only_history = job.verbose == 0 and validate is None and not job.callbacks
        listeners = [c for c in job.callbacks if isinstance(c, Callback)]

        def progress(done: int, logs: Logs) -> None:
            callbacks.on_train_batch_end(done - 1, logs)
            for listener in listeners:
                listener.within_epoch(done, self.steps)

        model.stop_training = False
        if job.snapshot is not None:
            job.snapshot.add_new()
        callbacks.on_train_begin()
        epoch, logs = job.initial_epoch, None
        while epoch < job.epochs and not model.stop_training:
            if only_history:
                for logs in self.run_epochs(epoch):
                    model.history.on_epoch_end(epoch, as_python(logs))
                    epoch += 1
                continue
            callbacks.on_epoch_begin(epoch)
            self.refresh()
            logs = as_python(self.run_epoch(epoch, progress))
            if validate is not None and job.validates_after(epoch):
                logs |= {f"val_{name}": value for name, value in as_python(validate()).items()}
            callbacks.on_epoch_end(epoch, logs)
            epoch += 1
        model.optimizer.finalize_variable_values(model.trainable_variables)
        callbacks.on_train_end(logs)
        return model.history


def _validation(
    job: Job, callbacks: keras.callbacks.CallbackList
) -> Callable[[], dict[str, Any]] | None:
    """Returns a function that validates, or None."""
    if job.validation_data is None:
        return None
    if job.validation is None and strategy_of(job.model) is not None:
        divided = StreamEvaluation(
            job.model,
            job.validation_data,
            job.validation_check,
            name="validation_data",
            steps=job.validation_steps,
            allow_nan=job.allow_nan,
        )
        return lambda: divided.run(callbacks)
    if job.validation is None:
        return lambda: _evaluate_stream(job, callbacks)
    evaluation = Evaluation(
        job.model,
        job.validation.packed,
        rows=job.validation.count,
        batch_size=job.validation_batch_size or job.batch_size,
        steps=job.validation_steps,
    )
    return lambda: evaluation.run(callbacks)


def _evaluate_stream(job: Job, callbacks: keras.callbacks.CallbackList) -> dict[str, Any]:
    data = job.validation_check.stream(job.validation_data)
    if hasattr(data, "__next__"):
        first = list(itertools.islice(data, 1))
        if not first:
            _checks.warn(
                "`validation_data` has no batch left to validate on: training stops, with the "
                "History so far. Leave out `validation_steps` to keep the batches of a "
                "generator and validate on all of them every time."
            )
            job.model.stop_training = True
            return {}
        # Keras reads ahead; what it does not use would be lost to the next validation.
        more = itertools.islice(data, (job.validation_steps or 1) - 1)
        data = (batch for batch in itertools.chain(first, more))
    return keras.Model.evaluate(
        job.model, data, steps=job.validation_steps, callbacks=callbacks, return_dict=True
    )
