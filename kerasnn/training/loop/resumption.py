"""Resumption of a saved run: what a `Resume` among the callbacks changes in a job."""

import contextlib
import dataclasses
import random
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from kerasnn import _checks
from kerasnn._core.process.strategy import is_chief, replicas_of, strategy_of, uses_strategy
from kerasnn._version import __version__
from kerasnn.callbacks import Resume
from kerasnn.callbacks.resume import fingerprint
from kerasnn.callbacks.resume.snapshot import ResumableRun
from kerasnn.training.inputs import arrays
from kerasnn.training.loop.engine import Engine
from kerasnn.training.loop.job import Job
from kerasnn.training.programs.replicas.agreement import agreed_seed

# Data of which each worker may have a part.
_SHARED = ("x", "y", "sample_weight")
_SETTINGS = (
    "shuffle",
    "class_weight",
    "initial_epoch",
    "validation_steps",
    "validation_batch_size",
    "validation_freq",
)


class Resumption:
    """A job that saves its run, or continues a saved one; without a `Resume`, the job alone.

    Args:
        job: The job to run, with the epoch, the seed and the callbacks of the saved run.
        run: The run that is saved, or None.

    Attributes:
        job: The same job.
        began_with: Name of the engine that the saved run began with; empty for a new run.
    """

    def __init__(self, job: Job, run: ResumableRun | None) -> None:
        self.job, self._run = job, run
        saved = None if run is None else run.saved
        self.began_with: str = "" if saved is None else saved["manifest"]["engine"]

    @property
    def saves(self) -> bool:
        """Whether there is a `Resume`, which also acts where no epoch is left."""
        return self._run is not None

    def agreed(self, job: Job) -> Job:
        """Returns the job with the seed of the first of several workers.

        Raises:
            InvalidArgument: If the workers have other data or arguments, or continue at other
                epochs.
        """
        found = {"kerasnn": __version__}
        for name in (*_SHARED, "validation_data"):
            found[name] = _described(job, name)
        for name in (*_SETTINGS, "batch_size", "epochs", "engine", "steps_per_epoch"):
            found[name] = repr(getattr(job, name))
        seed = random.getrandbits(32) if job.seed is None else job.seed
        self.job = dataclasses.replace(job, seed=agreed_seed(job.model, seed, found))
        return self.job

    def begin(self, engine: Engine, reason: str) -> None:
        """Records the engine; raises if it cannot repeat the order of the rows."""
        if self._run is not None:
            self.check_order(engine, reason)
            seed = self.job.seed if _shuffles(self.job) else None
            self._run.begin(engine.name, seed, replicas_of(self.job.model))

    def check_order(self, engine: Engine, reason: str) -> None:
        """Raises if an engine cannot repeat the order of the rows of a run that is saved."""
        if self._run is not None and not engine.repeats_order and _shuffles(self.job):
            raise _checks.InvalidArgument(
                "shuffle",
                "be False where `Resume` is given and Keras's own loop runs the job, since its "
                "order of the rows cannot be repeated",
                self.job.shuffle,
                reason,
            )


def _described(job: Job, name: str) -> str:
    """Returns what the workers compare of data; of a stream, what it says of its batches."""
    data = getattr(job, name)
    if job.share is not None and name in _SHARED:
        return f"{job.share} {data is None}"
    if isinstance(data, tf.data.Dataset):
        return f"{int(data.cardinality())} {data.element_spec}"
    if data is None or arrays.is_stream(data):
        return ""
    return str(fingerprint.of_data(name, data))


@contextlib.contextmanager
def resumption(job: Job) -> Iterator[Resumption]:
    """Continues a saved run within the context, if `Resume` is among the callbacks.

    Nothing has been drawn before, and no variable changed. The job starts with the epoch after
    the last saved one, and has the seed of the saved run. `Resume` acts after all other callbacks.

    Raises:
        InvalidArgument: If the job cannot be repeated, or is not the one that was saved.
        BlockingIOError: If another process uses the path.
    """
    found = [callback for callback in job.callbacks if isinstance(callback, Resume)]
    if not found:
        yield Resumption(job, None)
        return
    if len(found) > 1:
        raise _checks.InvalidArgument(
            "callbacks",
            "hold one `Resume`",
            found,
            "Leave out the others.",
            got=f"{len(found)}",
        )
    others = [callback for callback in job.callbacks if callback is not found[0]]
    if not any(isinstance(callback, keras.callbacks.History) for callback in others):
        others.append(keras.callbacks.History())
    _check_repeatable(job)
    with found[0].watching(others, _fingerprint(job), writes=is_chief(job.model)) as run:
        job = dataclasses.replace(job, callbacks=(*others, found[0]))
        if run.saved is None:
            _check_same_twice("x", job.x)
            _check_same_twice("validation_data", job.validation_data)
        else:
            job = _continued(job, run.saved)
        if job.seed is None and _shuffles(job):
            job = dataclasses.replace(job, seed=random.getrandbits(32))
        yield Resumption(job, run)


def _shuffles(job: Job) -> bool:
    return bool(job.shuffle) and job.train is not None


def _continued(job: Job, saved: dict[str, Any]) -> Job:
    """Returns the job with the first epoch and the seed of a saved run."""
    if saved["epoch"] > job.epochs:
        raise _checks.InvalidArgument(
            "epochs",
            f"be at least {saved['epoch']}, the number of epochs of the saved run",
            job.epochs,
            "Use another path for a new run.",
        )
    # A run that a callback has stopped stays so.
    job = dataclasses.replace(job, initial_epoch=job.epochs if saved["stopped"] else saved["epoch"])
    seed = saved["manifest"]["seed"]
    if seed == "None":
        return job
    if job.seed is not None and job.seed != int(seed):
        raise _checks.InvalidArgument(
            "seed",
            f"be {seed}, which orders the rows of the saved run, or left out",
            job.seed,
            "Use another path for a new run.",
        )
    return dataclasses.replace(job, seed=int(seed))


def _fingerprint(job: Job) -> fingerprint.Fingerprint:
    settings = {name: getattr(job, name) for name in _SETTINGS} | {"batch_size": job.step_rows}
    found = fingerprint.of_model(job.model) | fingerprint.of_training(job.model)
    for name in (*_SHARED, "validation_data"):
        if job.share is None or name not in _SHARED:
            found |= fingerprint.of_data(name, getattr(job, name))
    if job.share is not None:
        found["data"] = str(job.share)
    return found | fingerprint.of_settings(settings)


def _check_repeatable(job: Job) -> None:
    _check_end("x", job.x, stream=job.train is None)
    _check_end("validation_data", job.validation_data, stream=job.validation is None)
    if job.steps_per_epoch is not None:
        raise _checks.InvalidArgument(
            "steps_per_epoch",
            "be left out where `Resume` is given, so that an epoch ends with the data",
            job.steps_per_epoch,
        )
    if uses_strategy(job.model) and strategy_of(job.model) is None:
        raise ValueError(
            "`Resume` cannot save the variables of a distribution strategy other than "
            "`MirroredStrategy` and `MultiWorkerMirroredStrategy`. Leave it out."
        )


def _check_end(name: str, data: Any, *, stream: bool) -> None:
    if data is None or not stream:
        return
    is_dataset = isinstance(data, tf.data.Dataset)
    if not is_dataset or data.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise _checks.InvalidArgument(
            name,
            "be arrays or a tf.data.Dataset with an end where `Resume` is given, so that it can be "
            "read again",
            data,
            "Give arrays, or leave out `.repeat()`.",
            got="one without an end" if is_dataset else f"a {type(data).__name__}",
        )


def _check_same_twice(name: str, data: Any) -> None:
    if not isinstance(data, tf.data.Dataset):
        return
    if fingerprint.of_data(name, data) != fingerprint.of_data(name, data):
        raise _checks.InvalidArgument(
            name,
            "give the same batches in the same order each time where `Resume` is given",
            data,
            "Use `reshuffle_each_iteration=False` and a seed in `.shuffle`, or give arrays, which "
            "`fit` shuffles itself.",
            got="others when it was read twice",
        )
