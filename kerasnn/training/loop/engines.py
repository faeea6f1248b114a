"""Which engine can run a training job, which should, and why."""

from typing import Any

import keras
import tensorflow as tf

from kerasnn._core.callback import Callback
from kerasnn._core.model import all_layers
from kerasnn.training.inputs.arrays import is_irregular
from kerasnn.training.loop.job import Job
from kerasnn.training.programs.graph_program import has_convolutions, is_small

# Steps from which XLA's faster steps have paid for its compilation, which takes as long as
# about this many steps save over the graph engine; measured by tests/benchmarks/training.py.
XLA_STEPS = 2000
# The same for a small model, whose steps as a graph are quick.
XLA_STEPS_IF_SMALL = 8000

_BATCH_METHODS = (
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_batch_begin",
    "on_test_batch_end",
)


def plan(job: Job, steps: int, *, has_xla: bool, failure: str) -> list[tuple[str, str]]:
    """Returns the engines to try, best first, each with its reason.

    Args:
        job: What is to be run.
        steps: Steps in all, with those on such data that the model has behind it; 0 for a
            stream.
        has_xla: Whether the program that XLA would compile is there already.
        failure: What XLA said when it could not compile that program.

    Raises:
        ValueError: If the job asks for an engine that cannot run it.
    """
    only_keras = _keras_only(job)
    if only_keras:
        if job.engine not in ("auto", "keras"):
            raise ValueError(
                f"`engine={job.engine!r}` cannot run this job: {only_keras}. Use engine='auto'."
            )
        return [("keras", f"Only Keras's own loop can run it: {only_keras}.")]
    if job.engine == "xla" and job.train is None:
        raise ValueError(
            "`engine='xla'` cannot run this job: a tf.data.Dataset is read inside a TensorFlow "
            "graph. Use engine='auto', or give arrays."
        )
    if job.engine != "auto":
        return [(job.engine, f"`engine={job.engine!r}` asked for it.")]
    last = ("keras", "The model cannot be traced for a run of steps.")
    if job.train is None:
        return [("graph", "A tf.data.Dataset is read inside a TensorFlow graph."), last]
    gpu = bool(tf.config.list_physical_devices("GPU"))
    if not gpu and has_convolutions(job.model):
        return [("graph", "XLA has no fast convolution on a CPU."), last]
    if has_xla:
        return [("xla", "XLA has compiled this model already."), last]
    if failure:
        return [("graph", f"XLA cannot compile this model. It says: {failure}"), last]
    if steps < (XLA_STEPS_IF_SMALL if is_small(job.model) else XLA_STEPS):
        return [("graph", f"{steps} steps do not earn back what XLA takes to compile."), last]
    return [
        ("xla", f"{steps} steps earn back what XLA takes to compile."),
        ("graph", "XLA cannot compile this model."),
        last,
    ]


def refuse_keras_only(job: Job) -> None:
    """Raises where only Keras's own loop, which knows no part of a model, can run a job."""
    why = "`engine='keras'` asks for it" if job.engine == "keras" else _keras_only(job)
    if why:
        raise ValueError(
            f"`{job.model.name}` cannot be trained on what its frozen layers give, for Keras's own "
            f"loop would have to run it: {why}. Freeze with `kerasnn.transfer.freeze_to`, and call "
            "`fit`."
        )


def callbacks_of(job: Job) -> list[keras.callbacks.Callback]:
    """Returns the user's callbacks as a list."""
    if isinstance(job.callbacks, keras.callbacks.CallbackList):
        return list(job.callbacks.callbacks)
    return keras.tree.flatten(job.callbacks) if job.callbacks else []


def _keras_only(job: Job) -> str | None:
    """Returns why only Keras's own loop can run a job, or None where another one can."""
    model, x = job.model, job.x
    if model.run_eagerly:
        return "`run_eagerly` asks for Python at every step"
    strategy = model.distribute_strategy
    if tf.distribute.has_strategy() or strategy is not tf.distribute.get_strategy():
        return "a distribution strategy runs its own loop"
    if any(getattr(layer, "stateful", False) for layer in all_layers(model)):
        return "a stateful recurrent layer wants batches of one fixed size"
    for callback in callbacks_of(job):
        needs = _needs_batches(callback)
        if needs:
            return needs
    if is_irregular(x) or is_irregular(job.validation_data):
        return "Keras cuts ragged and sparse data into batches itself"
    if job.train is None and not isinstance(x, tf.data.Dataset):
        return f"a {type(x).__name__} makes its batches in Python"
    if job.train is None and job.class_weight is not None:
        return "Keras turns `class_weight` into sample weights of a stream"
    if job.steps_per_epoch is not None:
        endless = job.train is None and x.cardinality() == tf.data.INFINITE_CARDINALITY
        if not endless:
            return "`steps_per_epoch` lets an epoch end within the data"
    if job.shuffle == "batch":
        return "`shuffle='batch'` moves whole batches"
    return None


def _needs_batches(callback: Any) -> str | None:
    name = type(callback).__name__
    if isinstance(callback, keras.callbacks.BackupAndRestore):
        return f"`{name}` sets the epoch inside Keras's own loop"
    idle = _without_batches(callback)
    for method in _BATCH_METHODS:
        if method == "on_train_batch_begin" and isinstance(callback, Callback):
            continue
        function = getattr(callback, method, None)
        if getattr(function, "__func__", function) is not getattr(idle, method):
            return f"the callback `{name}` wants every batch (`{method}`)"
    return None


def _without_batches(callback: Any) -> type:
    """Returns the class whose batch methods may be called for a run of batches at a time."""
    if isinstance(callback, keras.callbacks.ProgbarLogger):
        return keras.callbacks.ProgbarLogger
    if isinstance(callback, keras.callbacks.ModelCheckpoint) and callback.save_freq == "epoch":
        return keras.callbacks.ModelCheckpoint
    if isinstance(callback, keras.callbacks.TensorBoard) and _writes_by_epoch(callback):
        return keras.callbacks.TensorBoard
    return keras.callbacks.Callback


def _writes_by_epoch(callback: keras.callbacks.TensorBoard) -> bool:
    """Whether `TensorBoard` writes nothing about single batches.

    The graph of Keras's train function, which is not used, is then left out of the log.
    """
    by_epoch = callback.update_freq == "epoch" and not callback.write_steps_per_second
    # Keras has no public reader for `profile_batch`; without this one its own loop runs.
    return by_epoch and not getattr(callback, "_should_trace", True)
