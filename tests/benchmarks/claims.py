"""Runs each tutorial of the course from several seeds, and shows which claims held.

    python tests/benchmarks/claims.py [--only 07] [--seeds 5]

Exits with 1 where a claim failed, and shows the end of what its script said.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from tutorial_runs import COURSE, run


def main() -> int:
    """Prints a row for each tutorial as its seeds are done."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="how the names of the tutorials begin")
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    seeds = range(arguments.seeds)
    print("| tutorial | " + " | ".join(f"seed {seed}" for seed in seeds) + " | longest, s |")
    print("|---|" + "---|" * len(seeds) + "--:|")
    failures = []
    for tutorial in COURSE:
        if not tutorial.stem.startswith(arguments.only):
            continue
        cells, seconds = [], []
        for seed in seeds:
            began = time.perf_counter()
            failure = _failure(tutorial, seed)
            seconds.append(time.perf_counter() - began)
            cells.append("FAILED" if failure else "held")
            if failure:
                failures.append(f"{tutorial.stem}, seed {seed}: {failure}")
        print(f"| {tutorial.stem} | {' | '.join(cells)} | {max(seconds):.0f} |", flush=True)
    print(*failures, sep="\n")
    return bool(failures)


def _failure(tutorial: pathlib.Path, seed: int) -> str:
    """Returns what went wrong, or nothing."""
    with tempfile.TemporaryDirectory() as directory:
        try:
            ran = run(tutorial, pathlib.Path(directory), seed)
        except subprocess.TimeoutExpired as error:
            return str(error)
    return "\n".join(ran.stderr.splitlines()[-5:]) if ran.returncode else ""


if __name__ == "__main__":
    sys.exit(main())
