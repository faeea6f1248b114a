"""Reasons why only Keras's own loop can run a job."""

from typing import Any

import keras
import tensorflow as tf

from kerasnn._core.callback import Callback
from kerasnn._core.model import all_layers
from kerasnn._core.process.strategy import uses_strategy
from kerasnn.training.inputs.arrays import is_irregular
from kerasnn.training.loop.job import Job
from kerasnn.training.programs.replicas.limits import (
    check_batches,
    check_optimizer,
    why_not_divided,
    why_not_even,
    why_not_stream,
)

_BATCH_METHODS = (
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_batch_begin",
    "on_test_batch_end",
)


def why_only_keras(job: Job) -> str | None:
    """Returns why only Keras's own loop can run a job, or None if a compiled program can."""
    model, x = job.model, job.x
    if model.run_eagerly:
        return "`run_eagerly` asks for Python at every step"
    if uses_strategy(model):
        why = _why_not_replicas(job)
        if why:
            return why
    if any(getattr(layer, "stateful", False) for layer in all_layers(model)):
        return "a stateful recurrent layer needs batches of one fixed size"
    for callback in job.callbacks:
        needs = _needs_batches(callback)
        if needs:
            return needs
    if is_irregular(x) or is_irregular(job.validation_data):
        return "Keras cuts ragged and sparse data into batches itself"
    if isinstance(x, tf.distribute.DistributedDataset):
        return "a distribution strategy divides its batches"
    if job.train is None and not isinstance(x, tf.data.Dataset):
        return f"a {type(x).__name__} makes its batches in Python"
    if job.train is None and job.class_weight is not None:
        return "Keras turns `class_weight` into sample weights of a stream"
    if job.train is None and job.allow_nan:
        return "`allow_nan` is for arrays in memory, and Keras trains on a stream"
    if job.steps_per_epoch is not None:
        endless = job.train is None and x.cardinality() == tf.data.INFINITE_CARDINALITY
        if not endless:
            return "`steps_per_epoch` lets an epoch end within the data"
    if job.shuffle == "batch":
        return "`shuffle='batch'` moves whole batches"
    return None


def _why_not_replicas(job: Job) -> str | None:
    """Returns why the batches of a job cannot be divided between replicas, or None.

    Raises:
        InvalidArgument: If a replica would have no row of a batch, and the model needs one; or if
            no loop can apply its optimizer.
    """
    model = job.model
    check_optimizer(model)
    why = why_not_divided(model)
    streams_validation = job.validation_data is not None and job.validation is None
    if job.train is None:
        why = why or why_not_stream(job.x)
    if streams_validation:
        why = why or why_not_stream(job.validation_data)
    if why is not None:
        return why
    size = job.validation_batch_size or job.step_rows
    counts = [] if job.train is None else [(job.row_count, job.step_rows)]
    counts += [] if job.validation is None else [(job.validation.count, size)]
    check_batches(model, counts)
    is_known = job.train is not None and not streams_validation
    return why_not_even(model, counts if is_known else [])


def _needs_batches(callback: Any) -> str | None:
    name = type(callback).__name__
    if isinstance(callback, keras.callbacks.BackupAndRestore):
        return f"`{name}` sets the epoch inside Keras's own loop"
    idle = _class_without_batches(callback)
    for method in _BATCH_METHODS:
        if method == "on_train_batch_begin" and isinstance(callback, Callback):
            continue
        function = getattr(callback, method, None)
        if getattr(function, "__func__", function) is not getattr(idle, method):
            return f"the callback `{name}` needs every batch (`{method}`)"
    return None


def _class_without_batches(callback: Any) -> type:
    """Returns the class whose batch methods may be called once for several batches."""
    if isinstance(callback, keras.callbacks.ProgbarLogger):
        return keras.callbacks.ProgbarLogger
    if isinstance(callback, keras.callbacks.ModelCheckpoint) and callback.save_freq == "epoch":
        return keras.callbacks.ModelCheckpoint
    if isinstance(callback, keras.callbacks.TensorBoard) and _writes_by_epoch(callback):
        return keras.callbacks.TensorBoard
    return keras.callbacks.Callback


def _writes_by_epoch(callback: keras.callbacks.TensorBoard) -> bool:
    """Whether `TensorBoard` writes nothing about single batches.

    The graph of Keras's train function, which is not used, is then missing from the log.
    """
    by_epoch = callback.update_freq == "epoch" and not callback.write_steps_per_second
    # Keras has no public attribute for `profile_batch`; without this one its own loop runs.
    return by_epoch and not getattr(callback, "_should_trace", True)
