"""One run: what callbacks check ahead of it, the choice of an engine, training, undoing errors."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from kerasnn import _checks
from kerasnn._checks import first_line
from kerasnn._core.callback import Callback
from kerasnn._core.process.strategy import has_workers, is_chief
from kerasnn.callbacks._compatibility import check_together
from kerasnn.training.inputs.standardization import learn_standardization
from kerasnn.training.loop.engine import CANNOT_COMPILE
from kerasnn.training.loop.engine_choice import candidates, cannot_work_together
from kerasnn.training.loop.job import Job
from kerasnn.training.loop.resumption import Resumption, resumption
from kerasnn.training.loop.training_length import TrainingLength, follows_length

# `Resume` decides itself what it writes.
_WRITERS = (keras.callbacks.ModelCheckpoint, keras.callbacks.CSVLogger, keras.callbacks.TensorBoard)


def train(job: Job) -> keras.callbacks.History:
    """Runs a job; returns the History, with the engine that ran and the reason.

    If a batch of a stream turns out to be wrong, the model is as it was before. Where several
    workers train together, the first one alone has the callbacks that write files.
    """
    if not is_chief(job.model):
        callbacks = tuple(c for c in job.callbacks if not isinstance(c, _WRITERS))
        job = dataclasses.replace(job, callbacks=callbacks)
    try:
        return _run_with_callbacks(job)
    except (FloatingPointError, ValueError, tf.errors.OpError) as failure:
        if job.snapshot is None:
            raise
        reads_again = isinstance(failure, (FloatingPointError, tf.errors.InvalidArgumentError))
        error = job.find_batch_error() if reads_again else job.batch_error
        if error is None:
            raise
        job.snapshot.restore()
        raise error from None


def ask_callbacks(job: Job) -> None:
    """Raises if a callback is none, or cannot work in a job."""
    for callback in job.callbacks:
        _check_callback(callback)
    check_together(list(job.callbacks))
    alone = all(map(_adds_nothing_to_logs, job.callbacks))
    _call(job.callbacks, "before_fit", job.shown.model, validates=job.validates, alone=alone)


def _run_with_callbacks(job: Job) -> keras.callbacks.History:
    ask_callbacks(job)
    shown = job.shown
    _call(job.callbacks, "set_data", train=shown.train, validation=shown.validation)
    try:
        with resumption(job) as resumed:
            return _run(_with_length(resumed.job), resumed)
    except BaseException as error:
        _call(job.callbacks, "on_train_abort", error)
        raise


def _run(job: Job, resumed: Resumption) -> keras.callbacks.History:
    if has_workers(job.model):
        job = resumed.agreed(job)
    if job.initial_epoch >= job.epochs and not resumed.saves:
        return _run_no_epoch(job)
    to_try = candidates(job, resumed.began_with)
    resumed.check_order(to_try[0].engine, to_try[0].reason)
    learn_standardization(job.model, job.x, job.y, job.steps_per_epoch, checked=job.check.stream)
    failure = ""
    for candidate in to_try:
        engine = candidate.engine
        try:
            engine.prepare()
        except CANNOT_COMPILE as error:
            failure = f" It says: {first_line(error)}"
            if job.engine == "auto" and has_workers(job.model):
                raise cannot_work_together(job, first_line(error)) from error
            if job.engine != "auto":
                raise _checks.InvalidArgument(
                    "engine",
                    "be able to run this model",
                    job.engine,
                    "Nothing has changed. Use engine='auto'.",
                    got=f"engine={job.engine!r}, which fails: {first_line(error)}",
                ) from error
            continue
        resumed.begin(engine, candidate.reason)
        history = engine.train()
        history.engine, history.reason = engine.name, candidate.reason + failure
        return history
    raise RuntimeError("Keras's own loop is the last candidate, and runs every job.")


def _with_length(job: Job) -> Job:
    """Returns the job with a callback for what follows the length of training, where needed."""
    if not follows_length(job.model):
        return job
    return dataclasses.replace(job, callbacks=(*job.callbacks, TrainingLength()))


def _run_no_epoch(job: Job) -> keras.callbacks.History:
    """Begins and ends training without an epoch, as Keras does, and without a program."""
    model = job.shown.model
    callbacks = keras.callbacks.CallbackList(
        list(job.callbacks), add_history=True, model=model, verbose=0, epochs=job.epochs
    )
    model.stop_training = False
    callbacks.on_train_begin()
    callbacks.on_train_end()
    history = model.history
    history.engine = "none"
    history.reason = f"No epoch is left: epochs={job.epochs}, initial_epoch={job.initial_epoch}."
    return history


def _call(callbacks: Sequence[Any], method: str, *args: Any, **kwargs: Any) -> None:
    """Calls a hook of `kerasnn.callbacks.Callback` on the callbacks that have it."""
    for callback in callbacks:
        if isinstance(callback, Callback):
            getattr(callback, method)(*args, **kwargs)


def _check_callback(callback: Any) -> None:
    rule = "hold Keras callbacks"
    if isinstance(callback, type):
        hint = f"Give `{callback.__name__}(...)`."
        raise _checks.InvalidArgument("callbacks", rule, callback, hint)
    if not isinstance(callback, keras.callbacks.Callback):
        raise _checks.InvalidArgument("callbacks", rule, callback)


def _adds_nothing_to_logs(callback: Any) -> bool:
    """Whether a callback is Keras's or kerasnn's own; another one may add to the logs."""
    return type(callback).__module__.partition(".")[0] in ("keras", "kerasnn") and not isinstance(
        callback, keras.callbacks.LambdaCallback
    )
