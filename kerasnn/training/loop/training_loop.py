"""Runs a job: tries the engines in turn, and drives epochs, validation and callbacks."""

import contextlib
import itertools
import warnings
from typing import Any

import keras
import tensorflow as tf

from kerasnn import _checks
from kerasnn._checks import first_line
from kerasnn._core.callback import Callback
from kerasnn._core.model import all_layers
from kerasnn._core.optimizers import build_slots
from kerasnn.callbacks._compatibility import check_together
from kerasnn.training.inputs import arrays
from kerasnn.training.inputs.generators import Batches, StopAtEnd, quiet_end
from kerasnn.training.inputs.standardization import learn_standardization
from kerasnn.training.inputs.tensors import hide_none
from kerasnn.training.loop import engines
from kerasnn.training.loop.array_epochs import Epochs, program_key
from kerasnn.training.loop.job import Job
from kerasnn.training.loop.nan_guard import FiniteGuard
from kerasnn.training.loop.resumption import Resumption, resumption
from kerasnn.training.loop.row_blocks import Blocks
from kerasnn.training.loop.stream_epochs import StreamEpochs
from kerasnn.training.programs.evaluation import Evaluation
from kerasnn.training.programs.program_cache import programs_of
from kerasnn.training.programs.train_step import NumbersInLogs, as_python, build, has_keras_step

# What tracing and compiling raise for a model that cannot be traced or compiled.
_CANNOT_COMPILE = (tf.errors.OpError, TypeError, ValueError, NotImplementedError, AttributeError)


def run(job: Job) -> keras.callbacks.History:
    """Trains by the first engine that can; returns the History, with the engine and the reason."""
    callbacks, shown = engines.callbacks_of(job), job.shown
    ask_callbacks(job)
    tell(callbacks, "set_data", train=shown.train, validation=shown.validation)
    try:
        with resumption(job) as resumed:
            return _run(job, resumed)
    except BaseException as error:
        tell(callbacks, "on_train_abort", error)
        raise


def ask_callbacks(job: Job) -> None:
    """Raises where a callback is none, or cannot work in a job."""
    callbacks = engines.callbacks_of(job)
    _check_callbacks(callbacks)
    check_together(callbacks)
    known = _are_known(callbacks)
    tell(callbacks, "before_fit", job.shown.model, validates=job.validates, alone=known)


def tell(callbacks: list[Any], method: str, *args: Any, **kwargs: Any) -> None:
    """Calls a hook of `kerasnn.callbacks.Callback` on the callbacks that are one."""
    for callback in callbacks:
        if isinstance(callback, Callback):
            getattr(callback, method)(*args, **kwargs)


def _check_callbacks(callbacks: list[Any]) -> None:
    """Raises where something is no callback."""
    for callback in callbacks:
        rule = "hold Keras callbacks"
        if isinstance(callback, type):
            raise _checks.InvalidArgument(
                "callbacks", rule, callback, f"Give `{callback.__name__}(...)`."
            )
        if not isinstance(callback, keras.callbacks.Callback):
            raise _checks.InvalidArgument("callbacks", rule, callback)


def _are_known(callbacks: list[Any]) -> bool:
    """Whether all callbacks are Keras's and kerasnn's, so that none adds to the logs."""
    return all(
        type(callback).__module__.partition(".")[0] in ("keras", "kerasnn")
        and not isinstance(callback, keras.callbacks.LambdaCallback)
        for callback in callbacks
    )


def _run(job: Job, resumed: Resumption) -> keras.callbacks.History:
    if job.initial_epoch >= job.epochs and not resumed.saves:
        return _run_no_epoch(job)
    programs = programs_of(job.model)
    programs.before_step = [
        callback
        for callback in engines.callbacks_of(job)
        if isinstance(callback, Callback) and callback.is_traced
    ]
    programs.drop_stale(job.model)
    blocks = None if job.train is None else _blocks(job, job.train.count)
    steps, xla = 0, None
    if blocks is not None:
        xla = program_key(blocks, jit=True)
        steps = programs.steps_run[xla] + (job.epochs - job.initial_epoch) * blocks.steps
        if programs.planned_steps is not None:
            steps = programs.planned_steps
    plan = engines.plan(job, steps, has_xla=xla in programs, failure=programs.failures.get(xla, ""))
    plan = resumed.engines(plan)
    learn_standardization(job.model, job.x, job.y, job.steps_per_epoch, checked=job.check.stream)
    failure = ""
    for engine, reason in plan:
        if engine == "keras":
            _build_slots(job, blocks)
            resumed.begin(engine, reason)
            history = _run_keras(job)
        else:
            try:
                epochs = _compile(job, blocks, jit=engine == "xla")
            except _CANNOT_COMPILE as error:
                failure = f" It says: {first_line(error)}"
                if job.engine != "auto":
                    raise ValueError(
                        f"`engine={engine!r}` cannot run this model.{failure} Nothing has changed. "
                        "Use engine='auto'."
                    ) from error
                continue
            resumed.begin(engine, reason)
            history = _run_epochs(job, epochs)
        history.engine, history.reason = engine, reason + failure
        return history
    raise RuntimeError("Keras's own loop is the last engine of every plan.")


def _run_no_epoch(job: Job) -> keras.callbacks.History:
    """Begins and ends training without an epoch, as Keras does, and without a program."""
    model = job.shown.model
    callbacks = keras.callbacks.CallbackList(
        engines.callbacks_of(job), add_history=True, model=model, verbose=0, epochs=job.epochs
    )
    model.stop_training = False
    callbacks.on_train_begin()
    callbacks.on_train_end()
    history = model.history
    history.engine = "none"
    history.reason = f"No epoch is left: epochs={job.epochs}, initial_epoch={job.initial_epoch}."
    return history


def _blocks(job: Job, count: int) -> Blocks:
    data = keras.utils.pack_x_y_sample_weight(job.x, job.y, job.sample_weight)
    return Blocks(
        hide_none(data),
        rows=count,
        batch_size=job.step_rows,
        shuffle=bool(job.shuffle),
        seed=job.seed,
    )


def _compile(job: Job, blocks: Blocks | None, *, jit: bool) -> Epochs | StreamEpochs:
    if blocks is None:
        return StreamEpochs(job.model, job.x, job.steps_per_epoch, job.check)
    if jit and any(spec.dtype == tf.string for spec in tf.nest.flatten(blocks.batch_spec)):
        # TensorFlow refuses the first such program of a process, and ends the process at the next.
        raise ValueError("XLA knows no text.")
    return Epochs(job.model, blocks, job.initial_epoch, job.epochs, jit=jit)


def _run_epochs(job: Job, epochs: Epochs | StreamEpochs) -> keras.callbacks.History:
    model = job.shown.model
    bars = [] if job.bar is None else [job.bar]
    callbacks = keras.callbacks.CallbackList(
        [*engines.callbacks_of(job), *bars],
        add_history=True,
        add_progbar=job.verbose != 0 and not bars,
        verbose=job.verbose,
        epochs=job.epochs,
        steps=epochs.steps,
        model=model,
    )
    validate = _validation(job, callbacks)
    silent = job.verbose == 0 and validate is None and not engines.callbacks_of(job)
    model.stop_training = False
    if job.before is not None:
        job.before.add_new()
    callbacks.on_train_begin()
    epoch, logs = job.initial_epoch, None
    while epoch < job.epochs and not model.stop_training:
        if silent and isinstance(epochs, Epochs):
            # History is all that listens: Keras's list takes as long for it as a small epoch.
            for logs in epochs.run_many(epoch):
                model.history.on_epoch_end(epoch, as_python(logs))
                epoch += 1
            continue
        callbacks.on_epoch_begin(epoch)
        epochs.refresh()
        logs = as_python(
            epochs.run(epoch, lambda done, logs: callbacks.on_train_batch_end(done - 1, logs))
        )
        if validate is not None and job.validates_after(epoch):
            held = as_python(validate())
            logs.update({f"val_{name}": value for name, value in held.items()})
        callbacks.on_epoch_end(epoch, logs)
        epoch += 1
    model.optimizer.finalize_variable_values(model.trainable_variables)
    callbacks.on_train_end(logs)
    return model.history


def _validation(job: Job, callbacks: keras.callbacks.CallbackList) -> Any:
    """Returns a function that validates, or None."""
    if job.validation_data is None:
        return None
    if job.validation is not None:
        held = job.validation
        evaluation = Evaluation(
            job.model,
            keras.utils.pack_x_y_sample_weight(held.x, held.y, held.sample_weight),
            rows=held.count,
            batch_size=job.validation_batch_size or job.batch_size,
            steps=job.validation_steps,
        )
        return lambda: evaluation.run(callbacks)

    def evaluate_stream() -> Any:
        data = job.validation_check.stream(job.validation_data)
        if hasattr(data, "__next__"):
            first = list(itertools.islice(data, 1))
            if not first:
                warnings.warn(
                    "`validation_data` has no batch left to validate on: training stops, with the "
                    "History so far. Leave out `validation_steps` to keep the batches of a "
                    "generator and validate on all of them every time.",
                    stacklevel=2,
                )
                job.model.stop_training = True
                return {}
            # Keras reads ahead; what it does not use would be lost to the next validation.
            more = itertools.islice(data, (job.validation_steps or 1) - 1)
            data = (batch for batch in itertools.chain(first, more))
        return keras.Model.evaluate(
            job.model, data, steps=job.validation_steps, callbacks=callbacks, return_dict=True
        )

    return evaluate_stream


def _build_slots(job: Job, blocks: Blocks | None) -> None:
    """Creates the optimizer's slots from the weights, as for every other engine.

    Keras creates them while it traces the first step. `ScheduleFreeAdamW`, whose slots start as
    copies of the weights, then reads other numbers than where Keras runs eagerly.
    """
    model = job.model
    by_keras = model.run_eagerly or model.distribute_strategy is not tf.distribute.get_strategy()
    if by_keras or tf.distribute.has_strategy() or not has_keras_step(model):
        return
    is_built = model.built and all(layer.built for layer in all_layers(model))
    if blocks is None and not is_built:
        return  # The check of the first batch of a stream builds some models, before training.
    # What cannot be traced fails in Keras's loop too, with Keras's own error.
    with contextlib.suppress(*_CANNOT_COMPILE):
        if blocks is not None:
            build(model, blocks.batch_spec)
        else:
            build_slots(model.optimizer, model.trainable_variables)


def _run_keras(job: Job) -> keras.callbacks.History:
    callbacks = engines.callbacks_of(job)
    # Keras warns that it cannot shuffle a stream, though nobody asked it to.
    shuffled = not arrays.is_stream(job.x) or isinstance(job.x, keras.utils.PyDataset)
    if not any(isinstance(c, keras.callbacks.TerminateOnNaN) for c in callbacks):
        callbacks = [FiniteGuard(), *callbacks]
    if job.before is not None:
        # Keras reads the first batch before it begins.
        kept = keras.callbacks.LambdaCallback(on_train_begin=lambda logs: _keep_built(job))
        callbacks = [kept, *callbacks]
    shuffle = job.shuffle and shuffled and not job.endless
    if not hasattr(job.x, "__next__"):
        return _keras_fit(job, job.check.stream(job.x), callbacks, shuffle=shuffle)
    batches = Batches("x", iter(job.x))
    callbacks = [*callbacks, StopAtEnd(batches, job.epochs, job.steps_per_epoch)]
    with quiet_end():
        # An iterator of another kind than a generator is none to Keras.
        return _keras_fit(job, (batch for batch in batches), callbacks, shuffle=shuffle)


def _keep_built(job: Job) -> None:
    """Builds the slots, and keeps all that was built, before Keras's first step on a stream."""
    _build_slots(job, None)
    if job.before is not None:
        job.before.add_new()


def _keras_fit(job: Job, x: Any, callbacks: list[Any], *, shuffle: Any) -> Any:
    return keras.Model.fit(
        job.model,
        x=x,
        y=job.y,
        batch_size=job.batch_size,
        epochs=job.epochs,
        verbose=job.verbose,
        callbacks=[NumbersInLogs(), *callbacks],
        validation_data=job.validation_check.stream(job.validation_data),
        # Rows that could be cut have been.
        validation_split=0.0 if job.validation_data is not None else job.validation_split,
        shuffle=shuffle,
        # Class weights of rows are sample weights by now.
        class_weight=job.class_weight if job.train is None else None,
        sample_weight=job.sample_weight,
        initial_epoch=job.initial_epoch,
        steps_per_epoch=job.steps_per_epoch,
        validation_steps=job.validation_steps,
        validation_batch_size=job.validation_batch_size,
        validation_freq=job.validation_freq,
    )
