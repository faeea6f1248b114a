"""A job that may go on with a run that was saved."""

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from kerasnn import _checks
from kerasnn.callbacks import Resume
from kerasnn.callbacks.resume import fingerprint
from kerasnn.callbacks.resume.snapshot import ResumableRun
from kerasnn.training.loop import engines
from kerasnn.training.loop.job import Job

_SETTINGS = (
    "shuffle",
    "class_weight",
    "initial_epoch",
    "validation_steps",
    "validation_batch_size",
    "validation_freq",
)


class Resumption:
    """What a `Resume` among the callbacks decides; without one, nothing.

    Args:
        job: What is to be run.
        run: The run that is saved, or None.
    """

    def __init__(self, job: Job, run: ResumableRun | None) -> None:
        self._job, self._run = job, run
        saved = None if run is None else run.saved
        self._engine = "" if saved is None else saved["manifest"]["engine"]

    @property
    def saves(self) -> bool:
        """Whether there is a `Resume`, which also acts where no epoch is left."""
        return self._run is not None

    def engines(self, plan: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Returns the engines to try: before all others the one that the run began with."""
        if self._engine and self._job.initial_epoch >= self._job.epochs:
            return [(self._engine, "The run had ended; it was restored.")]
        self._check_order(*plan[0])
        if not self._engine or self._job.engine != "auto" or plan[0][0] == "keras":
            return plan
        return [(self._engine, "The run that goes on began with it."), *plan]

    def begin(self, engine: str, reason: str) -> None:
        """Notes the engine; raises where it cannot repeat the order of the rows."""
        if self._run is not None:
            self._check_order(engine, reason)
            self._run.begin(engine, self._job.seed if _shuffles(self._job) else None)

    def _check_order(self, engine: str, reason: str) -> None:
        if self._run is not None and engine == "keras" and _shuffles(self._job):
            raise ValueError(
                "`shuffle` must be False where `Resume` is given and Keras's own loop runs the "
                "job, since its order of the rows cannot be repeated; got "
                f"shuffle={self._job.shuffle!r}. {reason}"
            )


@contextlib.contextmanager
def resumption(job: Job) -> Iterator[Resumption]:
    """Lets a job go on, within the context, with what its `Resume` has saved.

    Nothing has been drawn before, and no variable changed: the seed is set to that of the saved
    run, and the first epoch to the one after its last. `Resume` acts after all other callbacks.

    Raises:
        ValueError: If the job cannot be repeated, or is not the one that was saved.
        BlockingIOError: If another process uses the path.
    """
    callbacks = engines.callbacks_of(job)
    found = [callback for callback in callbacks if isinstance(callback, Resume)]
    if not found:
        yield Resumption(job, None)
        return
    if len(found) > 1:
        raise ValueError(f"`callbacks` must hold one `Resume`; got {len(found)}. Leave out others.")
    others = [callback for callback in callbacks if callback is not found[0]]
    if not any(isinstance(callback, keras.callbacks.History) for callback in others):
        others.append(keras.callbacks.History())
    _check_repeatable(job)
    with found[0].watching(others, _fingerprint(job)) as run:
        job.callbacks = [*others, found[0]]
        if run.saved is None:
            _check_same_twice("x", job.x)
            _check_same_twice("validation_data", job.validation_data)
        else:
            _go_on(job, run.saved)
        if job.seed is None and _shuffles(job):
            job.seed = random.getrandbits(32)
        yield Resumption(job, run)


def _shuffles(job: Job) -> bool:
    return bool(job.shuffle) and job.train is not None


def _go_on(job: Job, saved: dict[str, Any]) -> None:
    if saved["epoch"] > job.epochs:
        raise _checks.InvalidArgument(
            "epochs",
            f"be at least {saved['epoch']}, which the saved run has behind it",
            job.epochs,
            "Use another path for a new run.",
        )
    # A run that a callback has stopped stays so.
    job.initial_epoch = job.epochs if saved["stopped"] else saved["epoch"]
    seed = saved["manifest"]["seed"]
    if seed == "None":
        return
    if job.seed is not None and job.seed != int(seed):
        raise _checks.InvalidArgument(
            "seed",
            f"be {seed}, by which the saved run orders its rows, or left out",
            job.seed,
            "Use another path for a new run.",
        )
    job.seed = int(seed)


def _fingerprint(job: Job) -> fingerprint.Fingerprint:
    settings = {name: getattr(job, name) for name in _SETTINGS} | {"batch_size": job.step_rows}
    found = fingerprint.of_model(job.model) | fingerprint.of_training(job.model)
    for name in ("x", "y", "sample_weight", "validation_data"):
        found |= fingerprint.of_data(name, getattr(job, name))
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
    if job.model.distribute_strategy is not tf.distribute.get_strategy() or (
        tf.distribute.has_strategy()
    ):
        raise ValueError(
            "`Resume` cannot keep the variables of a distribution strategy. Leave it out."
        )


def _check_end(name: str, data: Any, *, stream: bool) -> None:
    if data is None or not stream:
        return
    is_dataset = isinstance(data, tf.data.Dataset)
    if not is_dataset or data.cardinality() == tf.data.INFINITE_CARDINALITY:
        what = "one without an end" if is_dataset else f"a {type(data).__name__}"
        raise ValueError(
            f"`{name}` must be arrays or a tf.data.Dataset with an end where `Resume` is given, so "
            f"that it can be read once more; got {what}. Give arrays, or leave out `.repeat()`."
        )


def _check_same_twice(name: str, data: Any) -> None:
    if not isinstance(data, tf.data.Dataset):
        return
    if fingerprint.of_data(name, data) != fingerprint.of_data(name, data):
        raise ValueError(
            f"`{name}` must give the same batches in the same order each time where `Resume` is "
            "given; it did not when read twice. Use `reshuffle_each_iteration=False` and a seed in "
            "`.shuffle`, or give arrays, which `fit` shuffles itself."
        )
