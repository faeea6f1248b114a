"""Search for settings of the network, on the training part alone."""

import dataclasses
from typing import Any

from kerasnn.cli.training.networks.mlp import HIDDEN, batch_size, single, targets
from kerasnn.cli.training.networks.rows import Rows
from kerasnn.cli.training.networks.trained import Settings
from kerasnn.selection import choice, log_uniform, tune, uniform

_FOLDS = 3
# Settings are compared after at most so many epochs.
_EPOCHS = 60


def search(
    rows: Rows, settings: Settings, *, folds: Any, trials: int, seed: int, verbose: int
) -> Settings:
    """Returns the settings with the best mean score of random ones; the given ones are not tried.

    Args:
        rows: The training part.
        settings: Settings of which width, rate, dropout and penalty are replaced.
        folds: Pairs of row indices.
        trials: Number of settings to try.
        seed: Seed of settings and folds.
        verbose: 1 for a progress bar.
    """
    hidden = HIDDEN if settings.hidden is None else settings.hidden
    layers = max(1, len(hidden))

    def build(width: int, learning_rate: float, dropout: float, l2: float) -> Any:
        return single(rows, _with(settings, layers, width, learning_rate, dropout, l2))

    space = {
        "width": choice([16, 32, 64, 128, 256]),
        "learning_rate": log_uniform(1e-3, 3e-2),
        "dropout": uniform(0.0, 0.5),
        "l2": log_uniform(1e-5, 1e-2),
    }
    found = tune(
        build,
        space,
        rows.x,
        targets(rows),
        cv=folds,
        method="random",
        n_trials=trials,
        epochs=min(settings.epochs or _EPOCHS, _EPOCHS),
        batch_size=batch_size(len(rows.x)),
        patience=settings.patience,
        metric=None if rows.task.is_classification else "data_loss",
        seed=seed,
        verbose=verbose,
    )
    return _with(settings, layers, **found.best_params_)


def _with(
    settings: Settings, layers: int, width: int, learning_rate: float, dropout: float, l2: float
) -> Settings:
    return dataclasses.replace(
        settings,
        hidden=(int(width),) * layers,
        learning_rate=float(learning_rate),
        dropout=float(dropout),
        l2=float(l2),
    )
