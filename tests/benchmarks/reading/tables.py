"""Time of `data.from_csv` against pandas' `read_csv` and `get_dummies`, and memory of a stream.

    python tests/benchmarks/reading/tables.py [--rows 200000] [--rounds 7] [--profile]
    python tests/benchmarks/reading/tables.py --stream 2 [--target price]

The table is made: 14 columns, of which eight hold numbers, five texts and one the target; two of
the numbers and one of the texts lack values. Both read it in turns in one process, and the medians
count. Exits with 1 where `from_csv` takes more than twice pandas' time.

With `--stream` a file of so many gigabytes is streamed by a process of its own: all that is learned
before the first epoch, and one epoch of batches. Exits with 1 where its peak memory exceeds 1 GB.
"""

import argparse
import cProfile
import pathlib
import pstats
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

_AGAINST_PANDAS = 2

# A process that reads a table as a stream, and prints its peak memory in bytes.
_STREAM = """
import resource, sys, time
from kerasnn import data
def say(what):
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"{what}, {seconds:.0f} s: {peak / 1e6:.0f} MB", flush=True)
    return peak
began = time.perf_counter()
path, target = sys.argv[1:]
say("imported")
task = None if target == "bought" else "regression"
split = data.from_csv(path, target, task=task, missing="mean", in_memory=False, batch_size=4096,
                      drop_missing_target=True)
say("learned")
batches = sum(1 for _ in split.x_train)
sys.exit(say(f"read {batches} batches") > int(1e9))
"""


def frame(rows: int) -> pd.DataFrame:
    """Returns a table of numbers and texts, with missing values in both."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "age": rng.integers(18, 95, rows).astype(float),
            "income": rng.lognormal(10, 1, rows).round(2),
            "weight": rng.normal(70, 12, rows),
            "distance": rng.exponential(3, rows),
            "visits": rng.poisson(4, rows),
            "rating": rng.uniform(0, 5, rows).round(1),
            "latitude": rng.uniform(-90, 90, rows).round(6),
            "balance": rng.normal(0, 1000, rows).round(2),
            "city": _names(rng, "city", 30, rows),
            "colour": _names(rng, "colour", 8, rows),
            "grade": _names(rng, "grade", 5, rows),
            "device": _names(rng, "device", 3, rows),
            "channel": _names(rng, "channel", 12, rows),
        }
    )
    for name in ("age", "income", "colour"):
        table.loc[rng.random(rows) < 0.05, name] = None
    table["bought"] = rng.choice(["no", "perhaps", "yes"], rows)
    return table


def _names(rng: np.random.Generator, kind: str, count: int, rows: int) -> np.ndarray:
    return rng.choice(np.array([f"{kind} {i}" for i in range(count)], object), rows)


def compare(path: pathlib.Path, rounds: int) -> float:
    """Returns how many times pandas' time `from_csv` takes."""
    from kerasnn import data

    contestants: dict[str, Callable[[], Any]] = {
        "from_csv": lambda: data.from_csv(path, "bought", missing="mean"),
        "pandas": lambda: pd.get_dummies(pd.read_csv(path)),
    }
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in contestants}
    for _ in range(rounds + 1):
        for name, run in contestants.items():
            seconds[name].append(_seconds(run))
    medians = {}
    for name, all_rounds in seconds.items():
        # The first round imports and traces.
        walls, processor = zip(*all_rounds[1:], strict=True)
        medians[name] = statistics.median(walls)
        listed = " ".join(f"{value:.3f}" for value in walls)
        print(
            f"{name}: median {medians[name]:.3f} s, least {min(walls):.3f}; of the processor "
            f"{statistics.median(processor):.3f} ({listed})"
        )
    return medians["from_csv"] / medians["pandas"]


def _seconds(run: Callable[[], Any]) -> tuple[float, float]:
    """Returns wall-clock time and processor time."""
    began = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - began[0], time.process_time() - began[1]


def profile(path: pathlib.Path) -> None:
    """Prints where `from_csv` spends its time."""
    from kerasnn import data

    data.from_csv(path, "bought", missing="mean")
    with cProfile.Profile() as found:
        data.from_csv(path, "bought", missing="mean")
    pstats.Stats(found).sort_stats("cumulative").print_stats(60)


def main() -> int:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--stream", type=float, default=0, metavar="GIGABYTES")
    parser.add_argument("--target", default="bought", help="of a stream: bought, or a number")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "table.csv")
        frame(options.rows).to_csv(path, index=False)
        if options.stream:
            header, rows = path.read_bytes().split(b"\n", 1)
            with path.open("wb") as file:
                file.write(header + b"\n")
                while file.tell() < options.stream * 10**9:
                    file.write(rows)
            print(f"{path.stat().st_size / 1e9:.2f} GB")
            command = [sys.executable, "-c", _STREAM, str(path), options.target]
            return subprocess.run(command, check=False).returncode
        print(f"{options.rows} rows, {path.stat().st_size / 1e6:.1f} MB")
        if options.profile:
            profile(path)
            return 0
        ratio = compare(path, options.rounds)
        print(f"from_csv takes {ratio:.2f} times pandas' time; at most {_AGAINST_PANDAS} allowed")
        return int(ratio > _AGAINST_PANDAS)


if __name__ == "__main__":
    sys.exit(main())
