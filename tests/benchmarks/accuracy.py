"""Compares kerasnn's defaults with scikit-learn's on the same folds of real data.

    python tests/benchmarks/accuracy.py [--json] [--only NAME] [--folds 5] [--seeds 3]

One protocol for every set and network. Nothing but the score sees a test fold:

1. The training part of a fold is cut into `_INNER` folds, stratified for classes. With each held
   out in turn, a network trains on the rest, and `EarlyStopping` finds the epoch with the least
   loss on what was held out. It waits `_PATIENCE` epochs, which on iris are only 60 steps.
2. A fresh network trains on the whole training part for the median of those epochs. One split
   alone would leave the choice to chance: on iris, to forty rows. scikit-learn's models have
   no need of a held-out part and use all rows too.

scikit-learn's models stand behind `StandardScaler` and keep their defaults, but for the iteration
limit. Classifiers converge within it, or the run ends with an error. `MLPRegressor` never does on
diabetes: R^2 is about 0.46 at this limit, near its best, and 0.21 at ten times as many. Folds are
shuffled anew for each seed. A standard error is that of the mean over folds and seeds; folds share
training rows, which makes it too small. Exits with 1 where a bound does not hold.
"""

import argparse
import dataclasses
import json
import math
import statistics
import sys
import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kerasnn import models
from kerasnn.tasks import Task

_INNER = 3
_PATIENCE = 20
_MOST_EPOCHS = 200
_ITERATIONS = 2000
# Ties count as equal, whatever the order in which the folds' scores are added up.
_ROUNDING = 1e-9

_CLASSIFIERS: dict[str, Callable[[int], Any]] = {
    "LogisticRegression": lambda seed: LogisticRegression(max_iter=_ITERATIONS, random_state=seed),
    "MLPClassifier": lambda seed: MLPClassifier(max_iter=_ITERATIONS, random_state=seed),
}
_REGRESSORS: dict[str, Callable[[int], Any]] = {
    "Ridge": lambda seed: Ridge(random_state=seed),
    "MLPRegressor": lambda seed: MLPRegressor(max_iter=_ITERATIONS, random_state=seed),
}


@dataclasses.dataclass(frozen=True)
class Contest:
    """A network with its defaults on a data set, and what it has to reach.

    Args:
        name: What the table calls it, and `--only` takes.
        load: Returns x and y.
        builder: The network, by the name of its builder.
        task: What there is to predict.
        rivals: scikit-learn's models by name, each built from a seed.
        behind: How far the mean score may lie behind the best rival's.
        at_least: The mean score that is needed where there are no rivals.
    """

    name: str
    load: Callable[[], tuple[Any, Any]]
    builder: Callable[..., models.Sequential]
    task: Task
    rivals: dict[str, Callable[[int], Any]]
    behind: float = 0.0
    at_least: float = -math.inf

    def build(self, x: np.ndarray, y: np.ndarray) -> models.Sequential:
        """Returns a fresh network."""
        outputs = len(np.unique(y)) if self.task is Task.MULTICLASS else 1
        return self.builder(x.shape[1:], outputs, task=self.task)

    def folds(self, count: int, seed: int) -> StratifiedKFold | KFold:
        """Returns shuffled folds, stratified for classes."""
        split = StratifiedKFold if self.task.is_classification else KFold
        return split(count, shuffle=True, random_state=seed)

    def score(self, y: np.ndarray, predicted: np.ndarray) -> float:
        """Returns the accuracy of classes, or R^2 of numbers."""
        return (accuracy_score if self.task.is_classification else r2_score)(y, predicted)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The scores of every contestant by fold and seed, and the bound."""

    name: str
    kerasnn: list[float]
    rivals: dict[str, list[float]]
    epochs: list[int]
    bound: float

    @property
    def difference(self) -> float:
        """Mean score less the best rival's, or less the bound where there is none."""
        best = max(map(statistics.fmean, self.rivals.values()), default=self.bound)
        return statistics.fmean(self.kerasnn) - best

    @property
    def holds(self) -> bool:
        """Whether the mean score reaches the bound."""
        return statistics.fmean(self.kerasnn) >= self.bound - _ROUNDING

    def summary(self) -> dict[str, Any]:
        """Returns the scores with what follows from them."""
        return {**dataclasses.asdict(self), "difference": self.difference, "holds": self.holds}


def _arrays(name: str) -> Callable[[], tuple[Any, Any]]:
    return lambda: getattr(datasets, f"load_{name}")(return_X_y=True)


def _images() -> tuple[Any, Any]:
    x, y = datasets.load_digits(return_X_y=True)
    return x.reshape(-1, 8, 8, 1), y


def _classify(name: str, task: Task) -> Contest:
    return Contest(name, _arrays(name), models.mlp, task, _CLASSIFIERS, behind=0.005)


CONTESTS = (
    _classify("iris", Task.MULTICLASS),
    _classify("wine", Task.MULTICLASS),
    _classify("breast_cancer", Task.BINARY),
    _classify("digits", Task.MULTICLASS),
    Contest("diabetes", _arrays("diabetes"), models.mlp, Task.REGRESSION, _REGRESSORS, behind=0.02),
    Contest("digits_cnn", _images, models.cnn, Task.MULTICLASS, {}, at_least=0.985),
)


def train(
    contest: Contest, x: np.ndarray, y: np.ndarray, seed: int
) -> tuple[models.Sequential, int]:
    """Returns a network trained on all rows, and its epochs, which the inner folds chose."""
    found = []
    for rest, held in contest.folds(_INNER, seed).split(x, y):
        stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=_PATIENCE)
        _fit(
            contest.build(x, y),
            x[rest],
            y[rest],
            epochs=_MOST_EPOCHS,
            validation_data=(x[held], y[held]),
            callbacks=[stop],
            seed=seed,
        )
        found.append(stop.best_epoch + 1)
    epochs = statistics.median_low(found)
    return _fit(contest.build(x, y), x, y, epochs=epochs, seed=seed), epochs


def _fit(model: models.Sequential, x: Any, y: Any, **kwargs: Any) -> models.Sequential:
    model.fit(x, y, verbose=0, **kwargs)
    return model


def predict(contest: Contest, model: models.Sequential, x: np.ndarray) -> np.ndarray:
    """Returns a class for each row, or a number."""
    outputs = model.predict(x, verbose=0)
    if contest.task is Task.MULTICLASS:
        return outputs.argmax(axis=-1)
    return outputs[:, 0] > 0.5 if contest.task is Task.BINARY else outputs[:, 0]


def run(contest: Contest, folds: int, seeds: int) -> Outcome:
    """Returns the scores of all contestants on the same folds."""
    x, y = contest.load()
    ours, epochs = [], []
    theirs: dict[str, list[float]] = {name: [] for name in contest.rivals}
    for seed in range(seeds):
        parts = contest.folds(folds, seed).split(x, y)
        for fold, (fit, test) in enumerate(parts):
            # Every fold starts from weights of its own, the same in every run.
            keras.utils.clear_session()
            keras.utils.set_random_seed(folds * seed + fold)
            model, count = train(contest, x[fit], y[fit], seed)
            ours.append(contest.score(y[test], predict(contest, model, x[test])))
            epochs.append(count)
            for name, rival in contest.rivals.items():
                fitted = _fit_rival(rival(seed), x[fit], y[fit], contest.task)
                theirs[name].append(contest.score(y[test], fitted.predict(x[test])))
    best = max(map(statistics.fmean, theirs.values()), default=contest.at_least)
    return Outcome(contest.name, ours, theirs, epochs, best - contest.behind)


def _fit_rival(rival: Any, x: np.ndarray, y: np.ndarray, task: Task) -> Any:
    unfinished = "error" if task.is_classification else "ignore"
    with warnings.catch_warnings():
        warnings.simplefilter(unfinished, ConvergenceWarning)
        return make_pipeline(StandardScaler(), rival).fit(x, y)


def _mean(scores: list[float]) -> str:
    error = statistics.stdev(scores) / math.sqrt(len(scores))
    return f"{statistics.fmean(scores):.4f} +- {error:.4f}"


def _line(outcome: Outcome) -> str:
    rivals = [f"{name} {_mean(scores)}" for name, scores in outcome.rivals.items()]
    return (
        f"{outcome.name:<14} {_mean(outcome.kerasnn)}  {outcome.difference:+.4f}  "
        f"{outcome.bound:.4f}  {'yes' if outcome.holds else 'NO ':<5}  "
        f"{statistics.median(outcome.epochs):>6.0f}  {', '.join(rivals)}"
    )


def main() -> int:
    """Runs what was asked for, prints it, and returns the exit status."""
    parser = argparse.ArgumentParser(description="Compares kerasnn's defaults with scikit-learn's.")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--only", choices=[contest.name for contest in CONTESTS])
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3, help="times that the folds are shuffled")
    options = parser.parse_args()
    if not options.json:
        print("data           kerasnn           difference  bound  holds  epochs  rivals")
    outcomes = []
    for contest in CONTESTS:
        if options.only in (None, contest.name):
            outcomes.append(run(contest, options.folds, options.seeds))
            if not options.json:
                print(_line(outcomes[-1]), flush=True)
    if options.json:
        print(json.dumps([outcome.summary() for outcome in outcomes], indent=1))
    return 0 if all(outcome.holds for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
