"""Two searches by `tune`, by scikit-learn's GridSearchCV, and by one network after the other.

    python tests/benchmarks/selection.py [--repeats 3] [--searches digits breast_cancer]
        [--keras-settings 1] [--alone-settings 1]

- digits: 64-24-10, 4 settings x 5 folds x 10 epochs.
- breast_cancer: 30-16-1, 60 settings x 5 folds x 20 epochs, so 300 networks.

All train by Adam with batches of 32, for several learning rates and factors of L2, on standardised
inputs, in one process. GridSearchCV does so over scikit-learn's own MLPClassifier, without early
stopping, and over Keras's SKLearnClassifier, whose folds are made to train all epochs: its clones
forget what `fit_kwargs` said. `tune` itself trains fold by fold where a callback asks for it. Of
the last two the first settings are run, and the time is scaled up. All are timed in turn, from the
call on, tracing included, and the medians of the ratios of wall-clock time count; those of the
processor's time are shown too. Exits with 1 where a bound of `BOUNDS` is missed.
"""

import argparse
import dataclasses
import functools
import gc
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neural_network import MLPClassifier

from kerasnn import selection

_BATCH = 32
BOUNDS = {
    "digits": {"MLPClassifier": 3.0, "one after the other": 3.0, "Keras": 5.0},
    "breast_cancer": {"MLPClassifier": 5.0, "one after the other": 10.0},
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Search:
    """A search on one data set."""

    x: np.ndarray
    y: np.ndarray
    hidden: int
    epochs: int
    rates: list[float]
    penalties: list[float]

    @property
    def settings(self) -> int:
        """Number of settings."""
        return len(self.rates) * len(self.penalties)

    def build(self, learning_rate: float, l2: float) -> keras.Model:
        """Builds a network of Keras's layers."""
        classes = int(self.y.max()) + 1
        last = keras.layers.Dense(1, "sigmoid") if classes == 2 else None
        penalty = keras.regularizers.L2(l2)
        model = keras.Sequential(
            [
                keras.Input((self.x.shape[1],)),
                keras.layers.Dense(self.hidden, "relu", kernel_regularizer=penalty),
                last or keras.layers.Dense(classes, "softmax", kernel_regularizer=penalty),
            ]
        )
        loss = "binary_crossentropy" if last else "sparse_categorical_crossentropy"
        model.compile(keras.optimizers.Adam(learning_rate), loss, metrics=["accuracy"])
        return model


class AllEpochs(keras.wrappers.SKLearnClassifier):
    """Trains all epochs, also where it is a clone."""

    epochs = 0

    def fit(self, X: Any, y: Any, **_: Any) -> Any:
        return super().fit(X, y, epochs=self.epochs, batch_size=_BATCH, verbose=0)


class Idle(keras.callbacks.Callback):
    """A callback that is none of Keras's: its models train alone."""


def standardized(data: Any) -> tuple[np.ndarray, np.ndarray]:
    x, y = data
    deviation = x.std(0)
    return ((x - x.mean(0)) / np.where(deviation > 0, deviation, 1)).astype("float32"), y


def searches() -> dict[str, Search]:
    """Returns the searches by name."""
    x, y = standardized(load_digits(return_X_y=True))
    digits = Search(x=x, y=y, hidden=24, epochs=10, rates=[1e-3, 1e-2], penalties=[1e-4, 1e-2])
    x, y = standardized(load_breast_cancer(return_X_y=True))
    rates, penalties = np.geomspace(1e-4, 1e-1, 6), np.geomspace(1e-6, 1e-1, 10)
    breast_cancer = Search(
        x=x, y=y, hidden=16, epochs=20, rates=rates.tolist(), penalties=penalties.tolist()
    )
    return {"digits": digits, "breast_cancer": breast_cancer}


def by_tune(search: Search, settings: int | None = None) -> float:
    """Runs all settings at once, or some of them fold by fold."""
    space = {"learning_rate": search.rates, "l2": search.penalties}
    callbacks = None
    if settings is not None:
        space = {"learning_rate": search.rates[:1], "l2": search.penalties[:settings]}
        callbacks = [Idle()]
    found = selection.tune(
        search.build,
        space,
        search.x,
        search.y,
        epochs=search.epochs,
        batch_size=_BATCH,
        callbacks=callbacks,
    )
    return found.best_score_


def by_sklearn(search: Search) -> float:
    network = MLPClassifier(
        (search.hidden,),
        batch_size=_BATCH,
        max_iter=search.epochs,
        n_iter_no_change=search.epochs,
        tol=0.0,
    )
    return _searched(
        network, {"learning_rate_init": search.rates, "alpha": search.penalties}, search
    )


def by_keras(search: Search, settings: int) -> float:
    AllEpochs.epochs = search.epochs
    given = [{"learning_rate": r, "l2": l2} for r in search.rates for l2 in search.penalties]

    def build(X: Any, y: Any, **params: Any) -> keras.Model:
        model = search.build(**params)
        # The wrapper encodes the labels.
        model.compile(model.optimizer, "categorical_crossentropy", metrics=["accuracy"])
        return model

    network = AllEpochs(build, model_kwargs=given[0])
    return _searched(network, {"model_kwargs": given[:settings]}, search)


def _searched(estimator: Any, grid: Any, search: Search) -> float:
    cv = StratifiedKFold(5, shuffle=True, random_state=0)
    found = GridSearchCV(estimator, grid, cv=cv, refit=False, error_score="raise", n_jobs=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return found.fit(search.x, search.y).best_score_


def timed(name: str, run: Callable[[], float], scale: float = 1.0) -> np.ndarray:
    """Returns wall-clock and processor time of a search, scaled."""
    # Each pays for its own garbage.
    gc.collect()
    began = time.perf_counter(), time.process_time()
    score = run()
    ended = time.perf_counter(), time.process_time()
    seconds = np.subtract(ended, began) * scale
    print(f"{name:20} {seconds[0]:7.2f} s ({seconds[1]:.2f})  best {score:.4f}", flush=True)
    return seconds


def measure(name: str, search: Search, given: Any) -> bool:
    """Returns whether the bounds of a search hold."""
    rivals = {
        "MLPClassifier": (functools.partial(by_sklearn, search), 1.0),
        "one after the other": (
            functools.partial(by_tune, search, given.alone_settings),
            search.settings / given.alone_settings,
        ),
    }
    if "Keras" in BOUNDS[name]:
        run = functools.partial(by_keras, search, given.keras_settings)
        rivals["Keras"] = run, search.settings / given.keras_settings
    ratios: dict[str, list[np.ndarray]] = {rival: [] for rival in rivals}
    for _ in range(given.repeats):
        ours = timed(f"{name}, tune", lambda: by_tune(search))
        for rival, (run, scale) in rivals.items():
            ratios[rival].append(timed(rival, run, scale) / ours)
    holds = True
    for rival, found in ratios.items():
        wall, processor = (statistics.median(column) for column in zip(*found, strict=True))
        bound = BOUNDS[name].get(rival, 0.0)
        holds &= wall >= bound
        print(
            f"{name}: tune is {wall:.1f} times as fast as {rival} ({processor:.1f} by the "
            f"processor's time); at least {bound:g}"
        )
    return bool(holds)


def main() -> int:
    """Runs the searches; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--searches", nargs="+", default=list(BOUNDS), choices=list(BOUNDS))
    parser.add_argument("--keras-settings", type=int, default=1)
    parser.add_argument("--alone-settings", type=int, default=1)
    given = parser.parse_args()
    found = searches()
    held = [measure(name, found[name], given) for name in given.searches]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
