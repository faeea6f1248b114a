"""The run of Ray Train: starts workers, and again when one is lost, from the file that is saved."""

import contextlib
import dataclasses
import functools
import pathlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import ray
from ray import cloudpickle
from ray.train import (
    ControllerError,
    FailureConfig,
    LoggingConfig,
    RunConfig,
    ScalingConfig,
    TrainingFailedError,
    UserCallback,
    WorkerGroupError,
)
from ray.train.tensorflow import TensorflowTrainer

from kerasnn import _checks
from kerasnn.scale._cluster import Needs, cluster, machines
from kerasnn.scale._worker import FinalError, Trained, Work, versions, work

# In the directory of a run.
_STATE = "resume.state"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """How workers are run.

    Attributes:
        address: Address of the cluster, or None for one of this machine alone.
        needs: What the workers need of it.
        directory: Directory of the state and of Ray Train's files.
        is_shared: Whether the user has given the directory, for all machines.
        max_failures: Number of times that lost workers are replaced.
        quiet: Whether what the workers print is left out.
    """

    address: str | None
    needs: Needs
    directory: pathlib.Path
    is_shared: bool
    max_failures: int
    quiet: bool


def run(
    settings: Settings,
    inputs: dict[str, Any],
    seed: int,
    prepare: Callable[[dict[str, Any]], dict[str, Any]],
) -> Trained:
    """Lets workers train; returns what the first one found.

    Args:
        settings: How they are run.
        inputs: What they receive: `build`, `data`, and `arguments` of `kerasnn.fit`.
        seed: The seed of all that is drawn.
        prepare: Returns, on the cluster, what they receive instead.

    Raises:
        InvalidArgument: If the cluster has too little, or does not answer.
        RuntimeError: If workers were lost too often.
        TimeoutError: If the cluster had no room for them.
        Exception: The error that a worker raised.
    """
    with cluster(settings.address, settings.needs, quiet=settings.quiet):
        if not settings.is_shared and machines() > 1:
            raise _checks.InvalidArgument(
                "directory",
                "be given where the cluster has several machines",
                None,
                "Give one that all of them can read.",
            )
        given = Work(
            inputs=ray.put(prepare(inputs)),
            state=str(settings.directory / _STATE),
            seed=seed,
            threads=settings.needs.cpus,
            versions=versions(),
        )
        trainer = TensorflowTrainer(
            functools.partial(work, given),
            scaling_config=_scaling(settings.needs),
            run_config=_run(settings),
        )
        try:
            with _own_interrupts():
                trained: Any = trainer.fit().return_value
                return trained
        except SystemExit as error:
            # How Ray Train ends on Ctrl-C.
            raise KeyboardInterrupt from error
        except TrainingFailedError as error:
            raise _cause(error) from None


def _scaling(needs: Needs) -> ScalingConfig:
    resources: dict[str, float] = {"CPU": needs.cpus}
    if needs.gpus:
        resources["GPU"] = needs.gpus
    return ScalingConfig(
        num_workers=needs.workers, use_gpu=needs.gpus > 0, resources_per_worker=resources
    )


def _run(settings: Settings) -> RunConfig:
    return RunConfig(
        name="ray",
        storage_path=str(settings.directory),
        failure_config=FailureConfig(
            max_failures=settings.max_failures, controller_failure_limit=settings.max_failures
        ),
        callbacks=[_StopAtFinalErrors()],
        # It shows each line twice.
        worker_runtime_env={"env_vars": {"RAY_TRAIN_ENABLE_PRINT_PATCH": "0"}},
        logging_config=LoggingConfig(log_level="ERROR"),
    )


class _StopAtFinalErrors(UserCallback):
    """Ends training where a new worker would fail too."""

    def after_exception(self, run_context: Any, worker_exceptions: dict[int, Exception]) -> None:
        for error in worker_exceptions.values():
            if isinstance(error, FinalError):
                raise error


@contextlib.contextmanager
def _own_interrupts() -> Iterator[None]:
    """Puts back the handler of Ctrl-C, which Ray Train replaces."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


def _cause(error: TrainingFailedError) -> Exception:
    if isinstance(error, WorkerGroupError):
        found = next(iter(error.worker_failures.values()), error)
        return RuntimeError(
            f"Workers were lost more often than `max_failures` allows; the last: "
            f"{type(found).__name__}: {_checks.first_line(found)}"
        )
    found = error.controller_failure if isinstance(error, ControllerError) else error
    if isinstance(found, FinalError):
        return cloudpickle.loads(found.pickled)
    if "Timeout" in type(found).__name__:
        return TimeoutError(
            "The cluster had no room for the workers in time, which other programs may take up: "
            f"{_checks.first_line(found)}"
        )
    return RuntimeError(f"Ray Train ended: {type(found).__name__}: {found}")
