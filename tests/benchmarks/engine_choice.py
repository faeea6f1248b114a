"""Times engine="auto" against a graph and XLA, each a first fit in a new process.

    python tests/benchmarks/engine_choice.py [--rounds N] [--only NET] [--steps N] [--clock cpu]

Without the cache of compiled programs, and with one that holds the program already. The contestants
take turns, and the median round is taken. Exits with 1 if `auto` takes longer than 1.15 times the
better of both plus 0.1 s, chooses differently from round to round, or if a program from the cache
takes more than 60% of one that XLA has to compile. On a machine with other work,
`--clock cpu` compares CPU time.
"""

import argparse
import gc
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

NETWORKS = ("5-16-16-3", "64-64-10", "784-128-10")
STEPS = (100, 2_000, 10_000, 30_000)
ENGINES = ("graph", "xla", "auto")
_ROWS, _MEASURING_STEPS = 1600, 1_500
_WITHIN, _WITHIN_SECONDS = 1.15, 0.1
_SECOND_RUN = 0.6


def fit(name: str, steps: int, engine: str) -> None:
    """Times one fit in this process, and prints seconds, CPU seconds and the engine."""
    import keras
    import numpy as np

    import kerasnn

    inputs, *hidden, outputs = map(int, name.split("-"))
    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(0)
    x = generator.standard_normal((_ROWS, inputs)).astype("float32")
    y = generator.integers(0, outputs, _ROWS)
    layers = [keras.layers.Dense(units, "relu") for units in hidden]
    last = keras.layers.Dense(outputs, "softmax")
    model = keras.Sequential([keras.Input((inputs,)), *layers, last])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    epochs = -(-steps * 32 // _ROWS)
    # A full collection of TensorFlow's objects takes 0.2 s, and would fall into some of the fits.
    gc.collect()
    began, cpu = time.perf_counter(), time.process_time()
    history = kerasnn.fit(model, x, y, epochs=epochs, verbose=0, engine=engine, seed=0)
    took = {"wall": time.perf_counter() - began, "cpu": time.process_time() - cpu}
    print(json.dumps(took | {"engine": history.engine}))


def process(name: str, steps: int, engine: str, cache: str) -> dict[str, Any]:
    """Runs `fit` in a new process."""
    ran = subprocess.run(
        [sys.executable, __file__, "--fit", name, str(steps), engine],
        env={**os.environ, "KERASNN_COMPILATION_CACHE": cache, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(ran.stdout.splitlines()[-1])


def compare(name: str, steps: int, rounds: int, clock: str) -> bool:
    """Times a network, with and without cached programs; returns whether the bounds hold."""
    with tempfile.TemporaryDirectory() as place:
        cold, warm = pathlib.Path(place) / "cold", pathlib.Path(place) / "warm"
        # The speed of the machine is measured once, by a job that is not among those compared.
        process(name, _MEASURING_STEPS, "auto", str(cold))
        shutil.copytree(cold, warm)
        process(name, 50, "xla", str(warm))
        times: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for _ in range(rounds):
            for engine in ENGINES:
                for label, cache in (("cold", cold), ("warm", warm)):
                    if label == "cold":
                        for program in cold.glob("*.pb.*"):
                            program.unlink()
                        for program in cold.glob("*.compiled.json"):
                            program.unlink()
                    took = process(name, steps, engine, str(cache))
                    times.setdefault((label, engine), []).append(took)
    seconds = {key: statistics.median(t[clock] for t in took) for key, took in times.items()}
    holds = True
    for label in ("cold", "warm"):
        graph, xla, auto = (seconds[label, engine] for engine in ENGINES)
        most = _WITHIN * min(graph, xla) + _WITHIN_SECONDS
        chosen = {took["engine"] for took in times[label, "auto"]}
        good = auto <= most and len(chosen) == 1
        holds &= good
        print(
            f"{'holds' if good else 'FAILS'}  {name}, {steps:,} steps, {label}: "
            f"graph {graph:.2f} s, xla {xla:.2f} s, auto {auto:.2f} s ({', '.join(chosen)}), "
            f"at most {most:.2f} s",
            flush=True,
        )
    if steps == min(STEPS):
        ratio = seconds["warm", "xla"] / seconds["cold", "xla"]
        holds &= ratio <= _SECOND_RUN
        word = "holds" if ratio <= _SECOND_RUN else "FAILS"
        print(f"{word}  {name}, second run against the first under XLA: {ratio:.2f}", flush=True)
    return holds


def main() -> int:
    """Times what was asked for, and returns the exit status."""
    parser = argparse.ArgumentParser(description="Times the choice of the engine.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", help="networks")
    parser.add_argument("--steps", action="append", type=int)
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--fit", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fit:
        name, steps, engine = options.fit
        fit(name, int(steps), engine)
        return 0
    results = [
        compare(name, steps, options.rounds, options.clock)
        for name in options.only or NETWORKS
        for steps in options.steps or STEPS
    ]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
