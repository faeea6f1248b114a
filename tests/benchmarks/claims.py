"""Runs each tutorial of the course from several seeds, and shows which claims held.

    python tests/benchmarks/claims.py [--only 07] [--seeds 5] [--write]

Exits with 1 where a claim failed, and shows the end of what its script said. With `--write` the
figure of seed 0 becomes the course's, and what the figures of all seeds draw the reference that
the tests compare with.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))

from tests.tutorials import drawn_figures
from tests.tutorials.runs import COURSE, FIGURES, TUTORIALS, run


def main() -> int:
    """Prints a row for each tutorial as its seeds are done."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="how the names of the tutorials begin")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="renew figures and references")
    arguments = parser.parse_args()
    seeds = range(arguments.seeds)
    print("| tutorial | " + " | ".join(f"seed {seed}" for seed in seeds) + " | longest, s |")
    print("|---|" + "---|" * len(seeds) + "--:|")
    failures = []
    for tutorial in COURSE:
        if not tutorial.stem.startswith(arguments.only):
            continue
        cells, seconds, drawn = [], [], []
        with tempfile.TemporaryDirectory() as folder:
            for seed in seeds:
                began = time.perf_counter()
                directory = pathlib.Path(folder, str(seed))
                failure = _failure(tutorial, directory, seed)
                seconds.append(time.perf_counter() - began)
                cells.append("FAILED" if failure else "held")
                if failure:
                    failures.append(f"{tutorial.stem}, seed {seed}: {failure}")
                else:
                    drawn.append(directory / FIGURES / f"{tutorial.stem}.json")
            if arguments.write and len(drawn) == len(seeds):
                _write(tutorial.stem, drawn)
        print(f"| {tutorial.stem} | {' | '.join(cells)} | {max(seconds):.0f} |", flush=True)
    print(*failures, sep="\n")
    return bool(failures)


def _write(name: str, drawn: list[pathlib.Path]) -> None:
    """Keeps the first figure, and the reference that follows from all."""
    shutil.copy(drawn[0].with_suffix(".png"), TUTORIALS / "figures")
    descriptions = [json.loads(path.read_text(encoding="utf-8")) for path in drawn]
    drawn_figures.keep(name, drawn_figures.merge(descriptions))


def _failure(tutorial: pathlib.Path, directory: pathlib.Path, seed: int) -> str:
    """Returns what went wrong, or nothing."""
    try:
        ran = run(tutorial, directory, seed)
    except subprocess.TimeoutExpired as error:
        return str(error)
    return "\n".join(ran.stderr.splitlines()[-5:]) if ran.returncode else ""


if __name__ == "__main__":
    sys.exit(main())
