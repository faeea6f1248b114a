"""`pack` of `kerasnn train`: the hyperparameter ensemble of `models.pack`."""

from typing import Any

import numpy as np

from kerasnn import models
from kerasnn._core.random_state import derived
from kerasnn.cli.training.networks.rows import Rows
from kerasnn.cli.training.networks.trained import Settings, Trained
from kerasnn.selection.estimators.networks import NETWORKS

_NETWORKS, _FOLDS = 32, 4
# More rows are passed less often, since their steps are as many.
_MANY_ROWS, _LEAST_EPOCHS = 10_000, 8


def train(rows: Rows, settings: Settings, *, seed: int, verbose: int = 0) -> Trained:
    """Returns a pack of `models.pack`, whose networks leave out whole groups, or spans of time.

    Args:
        rows: The rows, `(rows, features)`.
        settings: The settings.
        seed: Seed of hyperparameters, weights, folds and orders.
        verbose: 1 for a progress bar.
    """
    network = NETWORKS["pack"]
    how = network.classifier if rows.task.is_classification else network.regressor
    count, folds = _FOLDS, None
    if rows.groups is not None or rows.ordered:
        parts = rows.parts(_FOLDS, derived(seed, 0))
        count, folds = len(parts), np.empty(len(rows.x), int)
        for i, part in enumerate(parts):
            folds[part] = i
    model = models.pack(
        rows.x.shape[1],
        rows.outputs,
        task=rows.task,
        n=_NETWORKS // count * count,
        folds=count,
        embeddings=rows.embeddings,
        seed=derived(seed, 1),
        space=_space(settings),
        **network.from_rows(rows.x),
    )
    history = model.fit(
        rows.x,
        rows.y,
        epochs=settings.epochs or _epochs(how.epochs, len(rows.x)),
        folds=folds,
        seed=derived(seed, 2),
        verbose=verbose,
    )
    return Trained.of(model, history.history)


def _epochs(most: int, rows: int) -> int:
    """Returns the epochs by the number of rows.

    >>> [_epochs(40, rows) for rows in (1000, 20_000, 1_000_000)]
    [40, 20, 8]
    """
    return min(most, max(_LEAST_EPOCHS, round(most * _MANY_ROWS / rows)))


def _space(settings: Settings) -> dict[str, Any] | None:
    """Returns what replaces parts of the default space, or None for nothing."""
    given = {"hidden": settings.hidden, "learning_rate": settings.learning_rate}
    return {name: [value] for name, value in given.items() if value is not None} or None
