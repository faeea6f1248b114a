"""Engine that runs Keras's own loop, for jobs that no compiled program can run."""

import contextlib
from typing import Any

import keras

from kerasnn._core.display.cell_epochs import cell_epochs
from kerasnn._core.display.progress import verbosity
from kerasnn._core.model import all_layers
from kerasnn._core.optimizers import build_slots
from kerasnn._core.process.strategy import uses_strategy
from kerasnn.training.inputs import arrays
from kerasnn.training.inputs.generators import Batches, StopAtEnd, quiet_end
from kerasnn.training.loop.engine import CANNOT_COMPILE, Engine
from kerasnn.training.loop.job import Job
from kerasnn.training.loop.nan_guard import FiniteGuard
from kerasnn.training.loop.row_blocks import batch_spec
from kerasnn.training.programs.train_step import NumbersInLogs, build, has_keras_step


class KerasEngine(Engine):
    """Trains by `keras.Model.fit`, with checked batches and a test for NaN after each epoch."""

    name = "keras"
    repeats_order = False

    @classmethod
    def cannot_run(cls, job: Job) -> str | None:
        """Returns None: Keras's own loop runs every job."""
        return None

    def prepare(self) -> None:
        """Creates the optimizer's variables from the weights, as every other engine does.

        Keras creates them while it traces the first step. `ScheduleFreeAdamW`, whose variables
        start as copies of the weights, then starts from other numbers than where Keras runs
        eagerly.
        """
        job, model = self._job, self._job.model
        if model.run_eagerly or uses_strategy(model) or not has_keras_step(model):
            return
        is_built = model.built and all(layer.built for layer in all_layers(model))
        if job.train is None and not is_built:
            return  # The check of the first batch of a stream builds some models, before training.
        # A model that cannot be traced fails in Keras's loop too, with Keras's own error.
        with contextlib.suppress(*CANNOT_COMPILE):
            if job.train is not None:
                build(model, batch_spec(job.packed))
            else:
                build_slots(model.optimizer, model.trainable_variables)

    def train(self) -> keras.callbacks.History:
        """Runs `keras.Model.fit`."""
        job, callbacks = self._job, [*self._job.callbacks]
        if not any(isinstance(c, keras.callbacks.TerminateOnNaN) for c in callbacks):
            callbacks = [FiniteGuard(), *callbacks]
        if job.snapshot is not None:
            # Keras reads the first batch before it begins.
            begin = keras.callbacks.LambdaCallback(on_train_begin=lambda logs: self._keep_built())
            callbacks = [begin, *callbacks]
        if not hasattr(job.x, "__next__"):
            return self._fit(job.check.stream(job.x), callbacks)
        batches = Batches("x", iter(job.x))
        callbacks = [*callbacks, StopAtEnd(batches, job.epochs, job.steps_per_epoch)]
        with quiet_end():
            # Keras takes generators, but no iterators of other kinds.
            return self._fit((batch for batch in batches), callbacks)

    def _keep_built(self) -> None:
        """Adds to the snapshot what was built before Keras's first step on a stream."""
        self.prepare()
        if self._job.snapshot is not None:
            self._job.snapshot.add_new()

    def _fit(self, x: Any, callbacks: list[Any]) -> keras.callbacks.History:
        job = self._job
        # Keras warns that it cannot shuffle a stream, though nobody asked it to.
        shuffled = not arrays.is_stream(job.x) or isinstance(job.x, keras.utils.PyDataset)
        with cell_epochs(job.verbose) as cell:
            verbose: Any = verbosity(job.verbose) if cell is None else 0
            return keras.Model.fit(
                job.model,
                x=x,
                y=job.y,
                batch_size=job.batch_size,
                epochs=job.epochs,
                verbose=verbose,
                callbacks=[NumbersInLogs(), *callbacks, *([] if cell is None else [cell])],
                validation_data=job.validation_check.stream(job.validation_data),
                # Rows that can be split have been.
                validation_split=0.0 if job.validation_data is not None else job.validation_split,
                shuffle=job.shuffle and shuffled and not job.endless,
                # Class weights of rows are sample weights by now.
                class_weight=job.class_weight if job.train is None else None,
                sample_weight=job.sample_weight,
                initial_epoch=job.initial_epoch,
                steps_per_epoch=job.steps_per_epoch,
                validation_steps=job.validation_steps,
                validation_batch_size=job.validation_batch_size,
                validation_freq=job.validation_freq,
            )
