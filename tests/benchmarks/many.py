"""Many networks at once by `fit_many`, and one after the other by `fit` and by scikit-learn.

    python tests/benchmarks/many.py [--repeats 3] [--fit-networks 8] [--hidden 24 8]

Networks 64-H-10 train 10 epochs of the digits by Adam with batches of 32, each on rows of its own:
40 of 64-24-10 and 60 of 64-8-10. Times run from the call to the trained networks, tracing
included. scikit-learn's MLPClassifier trains the same networks one after the other; of those by
`kerasnn.fit`, `--fit-networks` are trained, and the time is scaled up. The three take turns, and
the median of the ratios counts, of wall-clock time and of processor time. Exits with 1 where
`fit_many` is not 5 times as fast as scikit-learn and 3 times as fast as `fit`, on 40 networks of
64-24-10, or where 200 such networks, built and trained in a process of their own, add 1 GB or more
to the memory that it has used for two of them.
"""

import argparse
import pathlib
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

import kerasnn

_NETWORKS = {24: 40, 8: 60}
_EPOCHS, _BATCH, _ROWS = 10, 32, 1437
_AGAINST_SKLEARN, _AGAINST_FIT = 5, 3
_IN_MEMORY, _MOST_MB = 200, 1000


def networks(count: int, hidden: int, metrics: list[str]) -> list[keras.Model]:
    """Builds networks with rates of their own."""
    models = []
    for rate in np.geomspace(3e-4, 3e-2, count):
        model = keras.Sequential(
            [
                keras.Input((64,)),
                keras.layers.Dense(hidden, "relu"),
                keras.layers.Dense(10, "softmax"),
            ]
        )
        model.compile(
            keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=metrics
        )
        models.append(model)
    return models


def by_sklearn(x: Any, y: Any, rows: list[Any], hidden: int) -> None:
    """Trains scikit-learn's networks one after the other."""
    rates = np.geomspace(3e-4, 3e-2, len(rows))
    for i, own in enumerate(rows):
        MLPClassifier(
            (hidden,),
            batch_size=_BATCH,
            max_iter=_EPOCHS,
            alpha=0,
            learning_rate_init=rates[i],
            random_state=i,
        ).fit(x[own], y[own])


def seconds(run: Callable[[], Any]) -> np.ndarray:
    """Returns wall-clock and processor time."""
    began = time.perf_counter(), time.process_time()
    run()
    return np.array([time.perf_counter() - began[0], time.process_time() - began[1]])


def measure(hidden: int, repeats: int, fit_networks: int, metrics: list[str]) -> list[np.ndarray]:
    """Returns the medians of the ratios to scikit-learn and to `fit`, of wall and CPU time."""
    count = _NETWORKS[hidden]
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype("float32")
    random = np.random.RandomState(0)
    rows = [random.permutation(len(x))[:_ROWS] for _ in range(count)]
    options = {"epochs": _EPOCHS, "batch_size": _BATCH, "verbose": 0}
    ratios = []
    for _ in range(repeats):
        models, alone = networks(count, hidden, metrics), networks(fit_networks, hidden, metrics)
        many = seconds(lambda m=models: kerasnn.fit_many(m, x, y, rows=rows, **options))
        learned = seconds(lambda: by_sklearn(x, y, rows, hidden))

        def one_by_one(alone: Any = alone) -> None:
            for model, own in zip(alone, rows, strict=False):
                kerasnn.fit(model, x[own], y[own], **options)

        single = seconds(one_by_one) * count / fit_networks
        print(
            f"{count} x 64-{hidden}-10: fit_many {many[0]:.2f} s ({many[1]:.2f} of the processor), "
            f"scikit-learn {learned[0]:.2f} ({learned[1]:.2f}), "
            f"fit {single[0]:.2f} ({single[1]:.2f})",
            flush=True,
        )
        ratios.append([learned / many, single / many])
    columns = np.array(ratios)
    return [np.array([statistics.median(columns[:, i, j]) for j in range(2)]) for i in range(2)]


def megabytes(count: int) -> float:
    """Returns the memory that training so many networks adds to this process, on Linux."""
    x, y = load_digits(return_X_y=True)
    used = []
    for each in (2, count):
        models = networks(each, 24, ["accuracy"])
        kerasnn.fit_many(models, x / 16, y, epochs=3, verbose=0)
        # `ru_maxrss` of a process that another one has started begins with the other's.
        status = pathlib.Path("/proc/self/status").read_text()
        used.append(int(status.partition("VmHWM:")[2].split()[0]) / 1e3)
    return used[1] - used[0]


def main() -> int:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--fit-networks", type=int, default=8)
    parser.add_argument("--hidden", type=int, nargs="+", default=list(_NETWORKS))
    parser.add_argument("--metrics", nargs="*", default=[])
    parser.add_argument("--only-memory", type=int, help="networks to train, to print megabytes")
    options = parser.parse_args()
    if options.only_memory:
        print(megabytes(options.only_memory))
        return 0
    warnings.simplefilter("ignore", ConvergenceWarning)
    failed = False
    for hidden in options.hidden:
        learned, single = measure(hidden, options.repeats, options.fit_networks, options.metrics)
        print(
            f"64-{hidden}-10: {learned[0]:.1f} times as fast as scikit-learn ({learned[1]:.1f} by "
            f"processor time), {single[0]:.1f} ({single[1]:.1f}) times as fast as fit"
        )
        failed |= hidden == 24 and (learned[0] < _AGAINST_SKLEARN or single[0] < _AGAINST_FIT)
    call = [sys.executable, __file__, "--only-memory", str(_IN_MEMORY)]
    added = float(subprocess.run(call, check=True, capture_output=True).stdout)
    print(f"{_IN_MEMORY} networks 64-24-10 add {added:.0f} MB; less than {_MOST_MB}")
    return int(failed or added >= _MOST_MB)


if __name__ == "__main__":
    sys.exit(main())
