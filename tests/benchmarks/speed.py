"""Makes the documentation's tables of speed, all in one run.

    python tests/benchmarks/speed.py [--rounds 3] [--write]

Whole trainings first, from the first call of `fit` on; then a script from its start to its end, on
its first run and on its second, for which XLA's programs were kept on disk; a search; and steps in
steady state. In each table the contestants take turns and medians count. `--write` puts the tables
into docs/project/benchmarks.md, and the first of them into README.md, with the name of the
processor. torch and JAX take part where they can be imported.
"""

import argparse
import functools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

# Jobs are to compile anew in each round; the scripts set directories of their own.
os.environ["KERASNN_COMPILATION_CACHE"] = "0"
os.environ["TORCHINDUCTOR_FORCE_DISABLE_CACHES"] = "1"

import selection
import training
from shared.networks import NETWORKS, jobs
from training import Timing

_ROOT = Path(__file__).parents[2]
_README, _PAGE = _ROOT / "README.md", _ROOT / "docs" / "project" / "benchmarks.md"
_BEGIN, _END = "<!-- made by tests/benchmarks/speed.py -->", "<!-- end -->"
_STEPS = (
    "2-8-2",
    "64-64-10",
    "64-64 BN-10",
    "64-64-10 Dropout",
    "784-128-10",
    "LSTM 32, 28 steps",
    "conv16, 8x8",
    "conv32-conv64, 28x28",
)
_COLUMNS = {
    "keras": "Keras",
    "keras 64 steps": "Keras, 64 steps a call",
    "keras jit": "Keras, jit",
    "ours": "kerasnn",
    "torch": "PyTorch",
    "torch compiled": "PyTorch, compiled",
    "jax": "JAX",
}
_SEARCHES = {"digits": "digits, 64-24-10", "breast_cancer": "breast cancer, 30-16-1"}
_RATIOS = ("times as fast as Keras", "as Keras's best")
_JOBS = {
    "digits MLP, validated": "digits, MLP, 20 epochs with validation",
    "breast_cancer": "breast cancer, MLP, 5 epochs",
    "digits CNN": "digits, CNN, 10 epochs",
    "60,000 x 784": "60,000 x 784, MLP, 2 epochs",
}
_SCRIPT = """
import keras, numpy as np
keras.utils.set_random_seed(0)
random = np.random.default_rng(0)
x = random.standard_normal((60_000, 784), np.float32)
y = random.integers(10, size=60_000, dtype=np.int32)
layers = [keras.layers.Dense(128, activation="relu"), keras.layers.Dense(10, activation="softmax")]
model = keras.Sequential([keras.Input((784,)), *layers])
model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
if {ours}:
    import kerasnn
    kerasnn.fit(model, x, y, epochs=3, verbose=0)
else:
    model.fit(x, y, epochs=3, verbose=0)
"""


def job_table(rounds: int) -> list[str]:
    """Times whole trainings from a new model on."""
    times: list[Timing] = []
    by_name = {job.network.name: job for job in jobs()}
    for job in map(by_name.__getitem__, _JOBS):
        times += training.time_job(job, rounds)
        print(f"  timed {job.network.name}", file=sys.stderr)
    return _rows("training, seconds", times, 1, _JOBS, lambda _: "auto")


def step_table(rounds: int) -> list[str]:
    """Times steps in steady state, by the engine that a long training takes."""
    engines = {network.name: network.engine for network in NETWORKS}
    times: list[Timing] = []
    for network in NETWORKS:
        if network.name in _STEPS:
            times += training.time_network(network, rounds, 0.5)
            print(f"  timed {network.name}", file=sys.stderr)
    names = {name: name for name in _STEPS}
    return _rows("step of 32 rows, microseconds", times, 1e6, names, engines.__getitem__)


def script_table(rounds: int) -> list[str]:
    """Times a script as a process, its imports counted, on its first and its second run."""
    times: dict[str, list[float]] = {"keras": [], "first": [], "second": []}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as directory:
            times["keras"].append(_script_seconds(directory, ours=False))
            times["first"].append(_script_seconds(directory, ours=True))
            times["second"].append(_script_seconds(directory, ours=True))
    seconds = [f"{statistics.median(values):.1f}" for values in times.values()]
    return _table(
        ["script, seconds", "Keras", "kerasnn, first run", "second run"],
        [["60,000 x 784, MLP, 3 epochs, imports included", *seconds]],
    )


def search_table(rounds: int) -> list[str]:
    """Times searches by `tune` and by scikit-learn."""
    lines = []
    for name, search in selection.searches().items():
        times: list[list[float]] = []
        for _ in range(rounds):
            ours = selection.timed(f"{name}, tune", functools.partial(selection.by_tune, search))
            theirs = selection.timed(
                "MLPClassifier", functools.partial(selection.by_sklearn, search)
            )
            times.append([theirs[0], ours[0], theirs[0] / ours[0]])
        theirs, ours, ratio = (statistics.median(column) for column in zip(*times, strict=True))
        what = f"{_SEARCHES[name]}, {search.settings} settings x 5 folds x {search.epochs} epochs"
        lines.append([what, f"{theirs:.1f}", f"{ours:.1f}", f"{ratio:.1f}"])
    return _table(
        ["search, seconds", "GridSearchCV(MLPClassifier)", "kerasnn", "times as fast"], lines
    )


def _script_seconds(directory: str, *, ours: bool) -> float:
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", _SCRIPT.format(ours=ours)],
        env=os.environ | {"KERASNN_COMPILATION_CACHE": f"{directory}/programs"},
        check=True,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - began


def _rows(
    title: str,
    times: Iterable[Timing],
    scale: float,
    names: dict[str, str],
    engine: Callable[[str], str],
) -> list[str]:
    """Returns a table with a line a name, and how many times as fast as Keras ours is."""
    by_name: dict[str, dict[str, Timing]] = {}
    for timing in times:
        by_name.setdefault(timing.name, {})[timing.contestant] = timing
    there = {contestant for of_name in by_name.values() for contestant in of_name}
    columns = [key for key in _COLUMNS if key == "ours" or key in there]
    header = [title]
    for key in columns:
        header += [_COLUMNS[key], *(_RATIOS if key == "ours" else ())]
    lines = []
    for name, of_name in by_name.items():
        ours = of_name[engine(name)]
        best = min(t.median for key, t in of_name.items() if key.startswith("keras"))
        line = [names[name]]
        for key in columns:
            timing = ours if key == "ours" else of_name.get(key)
            line.append(_number(timing.median * scale) if timing else "")
            if key == "ours":
                line += [_number(ours.to_keras), _number(best / ours.median)]
        lines.append(line)
    return _table(header, lines)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _table(header: list[str], lines: list[list[str]]) -> list[str]:
    rule = ["---", *["--:"] * (len(header) - 1)]
    return ["| " + " | ".join(row) + " |" for row in (header, rule, *lines)]


def _write(path: Path, text: str) -> None:
    """Puts tables into a page, whole or not at all."""
    before, begin, rest = path.read_text().partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        sys.exit(f"{path} must hold the lines {_BEGIN!r} and {_END!r}.")
    new = path.with_suffix(".md.new")
    new.write_text(f"{before}{begin}\n{text}\n{end}{after}")
    new.replace(path)


def main() -> None:
    """Measures, prints, and writes on request."""
    parser = argparse.ArgumentParser(description="Makes the tables of speed, in one run.")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of which the median counts")
    parser.add_argument("--write", action="store_true", help="write them into the documentation")
    options = parser.parse_args()
    about = training.machine()
    versions = [
        f"{name} {about[name]}" for name in ("tensorflow", "keras", "torch", "jax") if name in about
    ]
    parts = [
        job_table(options.rounds),
        script_table(options.rounds),
        search_table(options.rounds),
        step_table(options.rounds),
    ]
    made = (
        f"Medians of {options.rounds} rounds, in which all took turns, in one run of `python "
        f"tests/benchmarks/speed.py`, on\n{about['cores']} cores of {about['cpu']}, Python "
        f"{about['python']}, {', '.join(versions)}."
    )
    tables = ["\n".join(part) for part in parts]
    text = "\n\n".join([*tables, made])
    print(text)
    if options.write:
        _write(_PAGE, text)
        _write(_README, f"{tables[0]}\n\n{made}")


if __name__ == "__main__":
    main()
