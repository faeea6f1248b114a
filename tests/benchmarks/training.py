"""Times Keras's `fit`, kerasnn's engines, torch and JAX on the same trainings, in one process.

    python tests/benchmarks/training.py [--rounds N] [--only NAME] [--quick] [--memory] [--json F]

Networks are timed in steady state: after fits that compile, each contestant fits for about half a
second a round. Jobs are timed from a fresh model on, so that tracing and compiling count. The
contestants take turns, so that a busy machine is slow for all of them, and the median round is
taken. Keras takes part as it comes, with `steps_per_execution=64`, and with `jit_compile=True` but
for convolutions, which XLA compiles for minutes on a CPU; torch and JAX where they can be imported,
torch as its eager loop and under `torch.compile`, JAX with dense networks alone. Programs that are
kept on disk are not used, so that each job compiles anew. Exits with 1 where a bound does not hold.

Triton, which torch's builds for GPUs bring, crashes beside TensorFlow in one process: use torch's
build for CPUs.
"""

import argparse
import dataclasses
import functools
import gc
import itertools
import json
import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from shared.bounds import bounds_of_dropout, bounds_of_jobs, bounds_of_networks
from shared.costs import bounds_of_costs
from shared.networks import NETWORKS, Job, Network, jobs, on_gpu
from shared.torch_and_jax import is_there, jax_fit, torch_fit

import kerasnn

_SECONDS = 0.5

Fit = Callable[[int], Any]
Contestant = Callable[[Network, Any, Any, int, Any], Fit]


@dataclasses.dataclass
class Timing:
    """What one contestant took for a step of a network in steady state, or for a whole job."""

    name: str
    contestant: str
    rows: int
    steps: int
    seconds: list[float] = dataclasses.field(default_factory=list)
    engine: str = ""
    to_keras: float = math.nan

    @property
    def median(self) -> float:
        """Seconds of the median round."""
        return statistics.median(self.seconds)


def keras_fit(
    network: Network,
    x: Any,
    y: Any,
    batch_size: int,
    validation: Any,
    engine: str | None = None,
    **options: Any,
) -> Fit:
    """Returns a function that trains a new model by Keras's own `fit`, or by an engine.

    `options` are those of `compile`.
    """
    model: Any = network.keras_model(**options)
    fit = functools.partial(kerasnn.fit, model, engine=engine) if engine else model.fit
    return lambda epochs: fit(x, y, batch_size, epochs, verbose=0, validation_data=validation)


def contestants(network: Network, *extra: str) -> dict[str, Contestant]:
    """Returns what can train a network, by name; Keras comes first."""
    fits: dict[str, Contestant] = {
        "keras": keras_fit,
        "keras 64 steps": functools.partial(keras_fit, steps_per_execution=64),
    }
    if "xla" in network.engines:
        fits["keras jit"] = functools.partial(keras_fit, jit_compile=True)
    for engine in (*network.engines, *extra):
        fits[engine] = functools.partial(keras_fit, engine=engine)
    if is_there("torch"):
        fits["torch"] = torch_fit
        fits["torch compiled"] = functools.partial(torch_fit, compiled=True)
    if is_there("jax") and network.is_dense:
        fits["jax"] = jax_fit
    return fits


def time_network(network: Network, rounds: int, seconds: float) -> list[Timing]:
    """Times steps in steady state: on models that have been trained by the same call before."""
    x, y = network.data()
    steps = -(-len(x) // 32)
    timings, fits, epochs = [], [], []
    for name, start in contestants(network).items():
        fit = start(network, x, y, 32, None)
        timings.append(Timing(network.name, name, len(x), steps))
        fits.append(fit)
        epochs.append(_epochs_in(seconds, fit))
    for _ in range(rounds):
        for timing, fit, count in zip(timings, fits, epochs, strict=True):
            timing.seconds.append(_seconds(fit, count) / (count * steps))
    return _against_keras(timings)


def time_dropout(rounds: int, seconds: float) -> dict[str, list[float]]:
    """Times 64-64-10 under XLA without dropout, with kerasnn's and with Keras's, in turns."""
    fits, times = {}, {}
    for network in NETWORKS:
        if network.name in ("64-64-10", "64-64-10 Dropout", "64-64-10 Keras's Dropout"):
            fit = keras_fit(network, *network.data(), 32, None, "xla")
            fits[network.name], times[network.name] = (fit, _epochs_in(seconds, fit)), []
    for _ in range(rounds):
        for name, (fit, epochs) in fits.items():
            times[name].append(_seconds(fit, epochs) / epochs)
    return times


def time_job(job: Job, rounds: int) -> list[Timing]:
    """Times a job from the first call of `fit` to its end, with a fresh model each round."""
    fits = contestants(job.network, "auto")
    timings = [Timing(job.network.name, name, len(job.x), job.steps) for name in fits]
    # Another constant each time, so that no contestant finds a program that was compiled before.
    epsilons = (1e-7 * (1 + i / 1000) for i in itertools.count())
    for _ in range(rounds):
        for timing, start in zip(timings, fits.values(), strict=True):
            network = dataclasses.replace(job.network, epsilon=next(epsilons))
            fit = start(network, job.x, job.y, job.batch_size, job.validation)
            began = time.perf_counter()
            history = fit(job.epochs)
            timing.seconds.append(time.perf_counter() - began)
            timing.engine = getattr(history, "engine", "")
            del fit, history
            gc.collect()
    return _against_keras(timings)


def _epochs_in(seconds: float, fit: Fit) -> int:
    """Compiles what a fit needs, and returns how many epochs take about that long."""
    fit(1)
    epochs = 1
    while (took := _seconds(fit, epochs)) < seconds / 2:
        epochs = math.ceil(epochs * min(10, seconds / took))
    return epochs


def _seconds(fit: Fit, epochs: int) -> float:
    began = time.perf_counter()
    fit(epochs)
    return time.perf_counter() - began


def _against_keras(timings: list[Timing]) -> list[Timing]:
    for timing in timings:
        timing.to_keras = timings[0].median / timing.median
    return timings


def table(timings: list[Timing], title: str, scale: float) -> Iterator[str]:
    """Yields the lines of a Markdown table, a line for each name and a column a contestant."""
    columns = list(dict.fromkeys(timing.contestant for timing in timings))
    rows = [[title, "rows", "steps", *columns]]
    for name in dict.fromkeys(timing.name for timing in timings):
        of_name = {t.contestant: t for t in timings if t.name == name}
        first = of_name["keras"]
        cells = [_cell(of_name.get(column), scale) for column in columns]
        rows.append([name, f"{first.rows:,}", f"{first.steps:,}", *cells])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * width for width in widths])
    for row in rows:
        yield "| " + " | ".join(map(str.ljust, row, widths)) + " |"


def _cell(timing: Timing | None, scale: float) -> str:
    if timing is None:
        return ""
    value = timing.median * scale
    number = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    engine = f", {timing.engine}" if timing.contestant == "auto" else ""
    ratio = "" if timing.contestant == "keras" else f" ({timing.to_keras:.3g}x{engine})"
    return number + ratio


def machine() -> dict[str, Any]:
    """Returns what the numbers were made on."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].partition(": ")[2] if names else cpu
    versions = {"python": platform.python_version(), "kerasnn": kerasnn.__version__}
    versions |= {"tensorflow": tf.__version__, "keras": keras.__version__}
    for library in filter(is_there, ("torch", "jax")):
        versions[library] = __import__(library).__version__
    gpus = [gpu.name for gpu in tf.config.list_physical_devices("GPU")] if on_gpu() else []
    return {"cpu": cpu, "cores": os.cpu_count(), "gpus": gpus, **versions}


def main() -> int:
    """Times what was asked for, prints it, and returns the exit status."""
    parser = argparse.ArgumentParser(description="Times Keras's fit against kerasnn's engines.")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of which the median counts")
    parser.add_argument("--only", action="append", help="networks and jobs with this in their name")
    parser.add_argument("--quick", action="store_true", help="one short round, for a first look")
    parser.add_argument("--memory", action="store_true", help="memory and other costs as well")
    parser.add_argument("--json", type=Path, help="file to write all rounds to")
    options = parser.parse_args()
    rounds, seconds = (1, _SECONDS / 5) if options.quick else (options.rounds, _SECONDS)

    def wanted(name: str) -> bool:
        return not options.only or any(part in name for part in options.only)

    about = machine()
    print(", ".join(f"{key} {value}" for key, value in about.items() if value))
    print(f"Median of {rounds} rounds, batch 32; in brackets, times as fast as Keras.\n")
    keras.utils.set_random_seed(0)
    steady, whole, bounds = [], [], []
    for network in NETWORKS:
        if wanted(network.name):
            steady += time_network(network, rounds, seconds)
            print(f"  timed {network.name}", file=sys.stderr)
    if steady:
        print(*table(steady, "microseconds a step, steady state", 1e6), sep="\n", end="\n\n")
        bounds += bounds_of_networks(steady)
    if wanted("64-64-10 Dropout"):
        bounds += bounds_of_dropout(time_dropout(4 * rounds, seconds / 2))
    for job in jobs():
        if wanted(job.network.name):
            whole += time_job(job, rounds)
            print(f"  timed {job.network.name}", file=sys.stderr)
    if whole:
        print(*table(whole, "seconds in all, compilation counted", 1), sep="\n", end="\n\n")
        bounds += bounds_of_jobs(whole)
    if options.memory:
        bounds += bounds_of_costs()
    print(*bounds, sep="\n")
    if options.json:
        report = {"machine": about, "networks": steady, "jobs": whole, "bounds": bounds}
        options.json.write_text(json.dumps(report, default=dataclasses.asdict, indent=1))
    return 0 if all(bound.holds for bound in bounds) else 1


if __name__ == "__main__":
    sys.exit(main())
