"""`tabular` of `kerasnn train`: the network of `models.tabular`."""

from typing import Any

import numpy as np

from kerasnn import models, training
from kerasnn._core.random_state import derived, seeded
from kerasnn.callbacks import EarlyStopping
from kerasnn.cli.training.networks.rows import Rows
from kerasnn.cli.training.networks.trained import EpochBar, Settings, Trained
from kerasnn.selection.estimators.networks import NETWORKS

# The network validates on one of so many parts.
_PARTS = 5


def train(rows: Rows, settings: Settings, *, seed: int, verbose: int = 0) -> Trained:
    """Returns a network of `models.tabular`, with the weights of its best epoch.

    It is trained as by `selection.Classifier(network="tabular")` and `Regressor`, but that its
    validation rows are whole groups, or the last ones in time, where the rows say so.

    Args:
        rows: The rows, `(rows, features)`.
        settings: The settings.
        seed: Seed of weights, parts and orders.
        verbose: 1 for a progress bar.
    """
    network = NETWORKS["tabular"]
    how = network.classifier if rows.task.is_classification else network.regressor
    epochs = settings.epochs or how.epochs
    options: dict[str, Any] = {} if settings.hidden is None else {"hidden": settings.hidden}
    with seeded(derived(seed, 0)):
        model = models.tabular(
            rows.x.shape[1],
            rows.outputs,
            task=rows.task,
            embeddings=rows.embeddings,
            learning_rate=settings.learning_rate,
            seed=derived(seed, 1),
            **options,
            **network.from_rows(rows.x),
        )
    second = rows.parts(_PARTS, derived(seed, 2))[-1]
    first = np.setdiff1d(np.arange(len(rows.x)), second)
    callbacks: list[Any] = [EarlyStopping(patience=how.patience)]
    history = training.fit(
        model,
        rows.x[first],
        rows.y[first],
        validation_data=(rows.x[second], rows.y[second]),
        epochs=epochs,
        batch_size=how.batch_size,
        callbacks=[*callbacks, EpochBar(epochs)] if verbose else callbacks,
        verbose=0,
        seed=derived(seed, 3),
    )
    return Trained.of(model, history.history)
