"""Decision between the engines: XLA, a TensorFlow graph, or Keras's own loop, with the reason."""

import dataclasses

import tensorflow as tf

from kerasnn import _checks
from kerasnn._core.process.strategy import has_workers, uses_strategy
from kerasnn.training.loop.array_engines import GraphEngine, XlaEngine, blocks_of
from kerasnn.training.loop.engine import Engine
from kerasnn.training.loop.job import Job
from kerasnn.training.loop.keras_engine import KerasEngine
from kerasnn.training.loop.needs_keras import why_only_keras
from kerasnn.training.loop.stream_engine import StreamEngine
from kerasnn.training.programs.graph_program import has_convolutions

# On a GPU, the number of steps from which XLA's faster steps have made up for its compilation.
_GPU_STEPS = 2000


@dataclasses.dataclass(frozen=True)
class Candidate:
    """An engine that may run a job, and the reason for it."""

    engine: Engine
    reason: str


def candidates(job: Job, began_with: str = "") -> list[Candidate]:
    """Returns the engines to try, best first.

    Args:
        job: The job to run.
        began_with: Name of the engine that a saved run began with; empty for a new run.

    Raises:
        InvalidArgument: If the job asks for an engine that cannot run it.
    """
    compiled = StreamEngine if job.train is None else GraphEngine
    why_not = (XlaEngine if job.engine == "xla" else compiled).cannot_run(job)
    if why_not and job.engine in ("xla", "graph"):
        raise _checks.InvalidArgument(
            "engine",
            "be able to run this job",
            job.engine,
            "Use engine='auto'.",
            got=f"engine={job.engine!r}, but {why_not}",
        )
    if why_not and job.engine == "auto" and has_workers(job.model):
        raise cannot_work_together(job, why_not)
    keras_loop = KerasEngine(job)
    ended = bool(began_with) and job.initial_epoch >= job.epochs
    if why_not and not ended:
        return [Candidate(keras_loop, f"Only Keras's own loop can run it: {why_not}.")]
    engines: dict[str, Engine] = {"keras": keras_loop}
    if job.train is None:
        engines["graph"] = StreamEngine(job)
    else:
        blocks = blocks_of(job)
        engines |= {"xla": XlaEngine(job, blocks), "graph": GraphEngine(job, blocks)}
    if ended:
        return [Candidate(engines[began_with], "The saved run had ended; it was restored.")]
    if job.engine != "auto":
        return [Candidate(engines[job.engine], f"`engine={job.engine!r}` asked for it.")]
    first = [Candidate(engines[began_with], "The saved run began with it.")] if began_with else []
    last = Candidate(keras_loop, "The model cannot be traced for a run of steps.")
    return [*first, *_compiled(job, engines), last]


def cannot_work_together(job: Job, why: str) -> ValueError:
    """Returns the error where only Keras's own loop could train on several workers."""
    return _checks.InvalidArgument(
        "model",
        "be trained without Keras's own loop on several workers, where that fails (keras#20585)",
        job.model,
        "Change that, or train in one process.",
        got=f"`{job.model.name}`, for which only that could run the job: {why}",
    )


def _compiled(job: Job, engines: dict[str, Engine]) -> list[Candidate]:
    """Returns the compiled engines to try."""
    graph, xla = engines["graph"], engines.get("xla")
    if uses_strategy(job.model):
        replicas = job.model.distribute_strategy.num_replicas_in_sync
        why = f"A TensorFlow graph divides each batch between replicas, {replicas} in number."
        return [Candidate(graph, why)]
    if not isinstance(xla, XlaEngine):
        return [Candidate(graph, "A tf.data.Dataset is read inside a TensorFlow graph.")]
    gpu = bool(tf.config.list_physical_devices("GPU"))
    if not gpu and has_convolutions(job.model):
        return [Candidate(graph, "XLA has no fast convolution on a CPU.")]
    xla.drop_stale()
    if xla.is_compiled:
        return [Candidate(xla, "XLA has compiled this model already.")]
    failure = XlaEngine.cannot_run(job) or xla.failure
    if failure:
        return [Candidate(graph, f"XLA cannot compile this model: {failure}")]
    steps = xla.steps_run + (job.epochs - job.initial_epoch) * (xla.steps or 0)
    if not (steps >= _GPU_STEPS if gpu else xla.pays(steps)):
        why = f"{steps} steps are too few to make up for XLA's compilation."
        return [Candidate(graph, why)]
    return [
        Candidate(xla, f"{steps} steps make up for XLA's compilation."),
        Candidate(graph, "XLA cannot compile this model."),
    ]


def refuse_keras_only(job: Job) -> None:
    """Raises if only Keras's own loop, which cannot train a part of a model, can run a job."""
    why = "`engine='keras'` asks for it" if job.engine == "keras" else why_only_keras(job)
    if uses_strategy(job.shown.model):
        why = "a distribution strategy runs its own loop"
    if why:
        raise ValueError(
            f"`{job.model.name}` cannot be trained on the outputs of its frozen layers, because "
            f"Keras's own loop would have to run it: {why}. Freeze with "
            "`kerasnn.transfer.freeze_to`, and call `fit`."
        )
