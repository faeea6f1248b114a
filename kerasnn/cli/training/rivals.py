"""Models of scikit-learn that the network is compared with."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, TargetEncoder
from threadpoolctl import threadpool_limits

from kerasnn.cli.training.networks.rows import Rows
from kerasnn.tasks import Task

# Threads of boosting cost more than they save on fewer rows.
_MANY_ROWS = 10_000
_ITERATIONS = 2000

# Rows in each leaf of boosting: scikit-learn's default, and the fewest of a small table.
_LEAF, _LEAST_LEAF = 20, 5
# A function of a seed and the number of rows to learn from.
Rival = Callable[[int, int], Any]


def rivals(task: Task) -> dict[str, Rival]:
    """Returns name -> function that builds a model, with scikit-learn's defaults.

    But for boosting on fewer than 100 rows: a leaf has at least a fifth of them, not 20. On 32 rows
    of iris, wine or breast cancer, which 20 leave without a split, the accuracy is then 0.9.
    """
    if task.is_classification:
        return {
            "most frequent class": lambda seed, rows: DummyClassifier(strategy="prior"),
            "logistic regression": lambda seed, rows: make_pipeline(
                StandardScaler(), LogisticRegression(max_iter=_ITERATIONS, random_state=seed)
            ),
            "gradient boosting": lambda seed, rows: HistGradientBoostingClassifier(
                min_samples_leaf=_leaf(rows), random_state=seed
            ),
        }
    if task is Task.COUNT:
        linear: Any = lambda seed, rows: make_pipeline(  # noqa: E731
            StandardScaler(), PoissonRegressor(max_iter=_ITERATIONS)
        )
        loss = "poisson"
    else:
        linear = lambda seed, rows: make_pipeline(StandardScaler(), Ridge(random_state=seed))  # noqa: E731
        loss = "squared_error"
    return {
        "mean": lambda seed, rows: DummyRegressor(),
        "linear regression": linear,
        "gradient boosting": lambda seed, rows: HistGradientBoostingRegressor(
            loss=loss, min_samples_leaf=_leaf(rows), random_state=seed
        ),
    }


def _leaf(rows: int) -> int:
    """Returns the least number of rows in a leaf.

    >>> [_leaf(rows) for rows in (10, 40, 80, 100, 5000)]
    [5, 8, 16, 20, 20]
    """
    return min(_LEAF, max(_LEAST_LEAF, rows // 5))


def predict(rival: Any, rows: Rows, x_test: np.ndarray, seed: int) -> np.ndarray:
    """Returns the predictions of a newly fitted model, as `(rows, outputs)` of a network.

    Columns of indices are replaced by the mean target of their category, as scikit-learn learns
    it from the training rows; windows are one row of all steps.

    Args:
        rival: The model, not fitted.
        rows: Rows to learn from.
        x_test: Rows to predict.
        seed: Seed of the replacement.
    """
    if rows.task.is_classification and len(np.unique(rows.y)) == 1:
        # Some models refuse to learn from one class, as the first rows of a series may have.
        rival = DummyClassifier(strategy="prior")
    x, x_test = (part.reshape(len(part), -1) for part in (rows.x, x_test))
    if rows.embeddings:
        width = rows.x.shape[-1]
        indices = [i for i in range(x.shape[1]) if i % width in rows.embeddings]
        kind = "auto" if rows.task.is_classification else "continuous"
        # scikit-learn's types know no integer here.
        state: Any = seed % 2**32
        encoder = TargetEncoder(target_type=kind, random_state=state)
        encode = ColumnTransformer([("indices", encoder, indices)], remainder="passthrough")
        rival = make_pipeline(encode, rival)
    threads = None if len(x) > _MANY_ROWS else 1
    with threadpool_limits(threads, user_api="openmp"), warnings.catch_warnings():
        # A linear model that is not quite at its optimum is compared as it is.
        warnings.simplefilter("ignore", ConvergenceWarning)
        rival.fit(x, rows.y)
    if not rows.task.is_classification:
        return rival.predict(x_test)[:, np.newaxis]
    found = rival.predict_proba(x_test)
    # A class that no training row has gets no column.
    probabilities = np.zeros((len(x_test), max(2, rows.outputs)))
    probabilities[:, rival.classes_] = found
    return probabilities[:, 1:] if rows.task is Task.BINARY else probabilities
