"""A grid of 12 settings in 5 folds on the digits, by `tune` and by scikit-learn's GridSearchCV.

    python tests/benchmarks/selection.py [--repeats 3] [--keras-settings 2]

All train one hidden layer of 64 units by Adam, 20 epochs of batches of 32, for 3 learning rates
and 4 factors of L2, on standardised inputs, in one process. GridSearchCV does so over
scikit-learn's own MLPClassifier, and over Keras's SKLearnClassifier, whose folds are made to train
all epochs: its clones forget what `fit_kwargs` said. Of the latter `--keras-settings` are run, and
the time is scaled up to 12. All three are timed in turn, and the median of the ratios counts.
Exits with 1 where `tune` is not twice as fast as over Keras. Each fold traces a program of its own,
which takes most of the time of so small a network.
"""

import argparse
import functools
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kerasnn import data, models, selection

_RATES = [1e-3, 3e-3, 1e-2]
_PENALTIES = [1e-5, 1e-4, 1e-3, 1e-2]
_EPOCHS, _BATCH, _HIDDEN = 20, 32, 64
_AGAINST_KERAS = 2


class AllEpochs(keras.wrappers.SKLearnClassifier):
    """Trains all epochs, also where it is a clone."""

    def fit(self, X: Any, y: Any, **_: Any) -> Any:
        return super().fit(X, y, epochs=_EPOCHS, batch_size=_BATCH, verbose=0)


def plain(X: Any, y: Any, learning_rate: float, l2: float) -> keras.Model:
    """Builds the same network of Keras's layers."""
    penalty = functools.partial(keras.regularizers.L2, l2)
    model = keras.Sequential(
        [
            keras.Input((X.shape[1],)),
            keras.layers.Dense(_HIDDEN, "relu", kernel_regularizer=penalty()),
            keras.layers.Dense(y.shape[1], "softmax", kernel_regularizer=penalty()),
        ]
    )
    model.compile(
        keras.optimizers.Adam(learning_rate),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def by_tune(x: np.ndarray, y: np.ndarray) -> float:
    build = functools.partial(models.mlp, 64, 10, task="multiclass", hidden=(_HIDDEN,))
    space = {"learning_rate": _RATES, "l2": _PENALTIES}
    found = selection.tune(build, space, x, y, epochs=_EPOCHS, batch_size=_BATCH)
    return found.best_score_


def by_sklearn(x: np.ndarray, y: np.ndarray) -> float:
    network = MLPClassifier(
        (_HIDDEN,), batch_size=_BATCH, max_iter=_EPOCHS, n_iter_no_change=_EPOCHS, tol=0.0
    )
    grid = {
        "mlpclassifier__learning_rate_init": _RATES,
        "mlpclassifier__alpha": _PENALTIES,
    }
    return _searched(make_pipeline(StandardScaler(), network), grid, x, y)


def by_keras(settings: int, x: np.ndarray, y: np.ndarray) -> float:
    given = [{"learning_rate": rate, "l2": l2} for rate in _RATES for l2 in _PENALTIES]
    network = AllEpochs(plain, model_kwargs=given[0])
    grid = {"allepochs__model_kwargs": given[:settings]}
    return _searched(make_pipeline(StandardScaler(), network), grid, x, y)


def _searched(estimator: Any, grid: Any, x: np.ndarray, y: np.ndarray) -> float:
    cv = StratifiedKFold(5, shuffle=True, random_state=0)
    search = GridSearchCV(estimator, grid, cv=cv, refit=False, error_score="raise")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return search.fit(x, y).best_score_


def timed(run: Callable[..., float], *args: Any) -> tuple[float, float]:
    """Returns the seconds that a search takes, and its best score."""
    began = time.perf_counter()
    score = run(*args)
    return time.perf_counter() - began, score


def main() -> int:
    """Runs the searches; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--keras-settings", type=int, default=2)
    given = parser.parse_args()
    digits = data.load("digits")
    x = np.concatenate([digits.x_train, digits.x_test]).reshape(-1, 64)
    y = np.concatenate([digits.y_train, digits.y_test])
    of_sklearn, of_keras = [], []
    for _ in range(given.repeats):
        ours, score = timed(by_tune, x, y)
        print(f"tune          {ours:7.1f} s  best {score:.4f}", flush=True)
        seconds, score = timed(by_sklearn, x, y)
        of_sklearn.append(seconds / ours)
        print(f"MLPClassifier {seconds:7.1f} s  best {score:.4f}", flush=True)
        seconds, score = timed(by_keras, given.keras_settings, x, y)
        seconds *= 12 / given.keras_settings
        of_keras.append(seconds / ours)
        print(f"\nKeras         {seconds:7.1f} s  best {score:.4f} of {given.keras_settings}")
    keras_ratio, sklearn_ratio = statistics.median(of_keras), statistics.median(of_sklearn)
    print(f"tune is {keras_ratio:.1f} times as fast as over Keras; at least {_AGAINST_KERAS}")
    print(f"tune is {sklearn_ratio:.2f} times as fast as over MLPClassifier")
    return 0 if keras_ratio >= _AGAINST_KERAS else 1


if __name__ == "__main__":
    sys.exit(main())
