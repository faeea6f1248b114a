"""What each worker of Ray Train runs: one process of `MultiWorkerMirroredStrategy`."""

import dataclasses
import os
import platform
from typing import Any

import keras
import ray
import tensorflow as tf
from ray import cloudpickle

from kerasnn import _checks
from kerasnn._core.model import variables_of
from kerasnn._core.process.strategy import is_chief, strategy_of_workers
from kerasnn._version import __version__
from kerasnn.callbacks import Resume
from kerasnn.scale._shares import Shares, Table
from kerasnn.training.loop.job import Job
from kerasnn.training.loop.training_loop import train

# How workers lose another one, and what the next start of all of them may not meet again: a port
# that was taken, and the lock of a process that is just ending.
_OF_LOST_WORKERS = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
    tf.errors.UnknownError,
    BlockingIOError,
)


class FinalError(Exception):
    """An error in a worker that a new worker would meet again.

    Args:
        pickled: The error, pickled: the process that decides what follows need not import it.
        text: Its text.
    """

    def __init__(self, pickled: bytes, text: str) -> None:
        super().__init__(pickled, text)
        self.pickled = pickled


@dataclasses.dataclass(frozen=True, kw_only=True)
class Work:
    """The work of all workers.

    Attributes:
        inputs: Reference to what workers receive: `build`, `data`, and `arguments` of
            `kerasnn.fit`.
        state: The file of `Resume`.
        seed: The seed of all that is drawn.
        threads: Number of threads of an operation.
        versions: Versions of the process that started the workers.
    """

    inputs: Any
    state: str
    seed: int
    threads: int
    versions: dict[str, str]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trained:
    """What the first worker hands back.

    Attributes:
        build_config: How the model was built.
        variables: Values of its variables and those of its optimizer.
        history: Value of each metric by epoch.
        epoch: Numbers of the epochs.
        engine: The engine that trained.
        reason: The reason for it.
    """

    build_config: Any
    variables: list[Any]
    history: dict[str, list[float]]
    epoch: list[int]
    engine: str
    reason: str


def versions() -> dict[str, str]:
    """Returns the versions that all workers have in common."""
    return {
        "kerasnn": __version__,
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "python": platform.python_version(),
    }


def check_versions(wanted: dict[str, str], found: dict[str, str]) -> None:
    """Raises if a worker has other versions than the process that started it."""
    differing = [name for name in wanted if found.get(name) != wanted[name]]
    if differing:
        got = ", ".join(f"{name} {found.get(name)} (here {wanted[name]})" for name in differing)
        raise _checks.InvalidArgument(
            "address",
            "be that of a cluster whose workers have the versions of this process",
            [found.get(name) for name in differing],
            "Install the same versions on all machines.",
            got=f"a worker with {got}",
        )


def work(given: Work) -> Trained | None:
    """Trains with the other workers; returns what the first one found.

    Raises:
        FinalError: If it failed for a reason that a new worker would meet again.
    """
    try:
        return _train(given)
    except _OF_LOST_WORKERS:
        raise
    except Exception as error:
        raise FinalError(_pickled(error), f"{type(error).__name__}: {error}") from error


def _pickled(error: Exception) -> bytes:
    try:
        pickled = cloudpickle.dumps(error)
        cloudpickle.loads(pickled)
    except Exception:  # noqa: BLE001 - an error of the user may fail in any way.
        return cloudpickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
    return pickled


def _train(given: Work) -> Trained | None:
    check_versions(given.versions, versions())
    # Ray sets it for Keras 2.
    os.environ.pop("TF_USE_LEGACY_KERAS", None)
    tf.get_logger().setLevel("WARNING")
    tf.config.threading.set_intra_op_parallelism_threads(given.threads)
    # Made before anything that is unpickled can run an operation.
    strategy = strategy_of_workers()
    inputs: Any = ray.get(given.inputs)
    data, arguments = inputs["data"], dict(inputs["arguments"])
    keras.utils.set_random_seed(given.seed)
    with strategy.scope():
        model = inputs["build"]()
        rows = _rows(data, model)
    chief = is_chief(model)
    if not chief:
        arguments["verbose"] = 0
    callbacks = [*keras.tree.flatten(arguments.pop("callbacks", None) or []), Resume(given.state)]
    if isinstance(arguments.get("validation_data"), Table):
        arguments["validation_data"] = arguments["validation_data"].read()
    history: Any = train(Job.read(model=model, callbacks=callbacks, **rows, **arguments))
    if not chief:
        return None
    return Trained(
        build_config=model.get_build_config(),
        variables=[keras.ops.convert_to_numpy(variable) for variable in variables_of(model)],
        history=history.history,
        epoch=history.epoch,
        engine=history.engine,
        reason=history.reason,
    )


def _rows(data: Any, model: Any) -> dict[str, Any]:
    """Returns the training rows of this worker, as arguments of a job."""
    if isinstance(data, Shares):
        return data.read(model)
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data() if callable(data) else data)
    return {"x": x, "y": y, "sample_weight": sample_weight}
