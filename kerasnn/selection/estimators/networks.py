"""The networks that an estimator builds by name, and how each is trained by default."""

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kerasnn import _checks
from kerasnn.models.ensembles.pack import pack
from kerasnn.models.ensembles.pack_model import EPOCHS
from kerasnn.models.mlp import mlp
from kerasnn.models.tabular import tabular


@dataclasses.dataclass(frozen=True, kw_only=True)
class Training:
    """The values of an estimator's parameters that are None.

    Attributes:
        epochs: Passes over the training rows.
        batch_size: Rows in a batch; None leaves it to the network.
        early_stopping: Whether to validate, and to take the best epoch.
        validation_fraction: Fraction of the rows to validate on.
        patience: Epochs without a better validation loss before training ends.
    """

    epochs: int
    batch_size: int | None
    early_stopping: bool
    validation_fraction: float
    patience: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Network:
    """A builder, and how its networks are trained by default.

    Attributes:
        build: A builder of `kerasnn.models`.
        classifier: How networks for classes are trained.
        regressor: How networks for numbers are trained.
        from_rows: Returns arguments of the builder that follow from the rows to train on.
    """

    build: Callable[..., Any]
    classifier: Training
    regressor: Training
    from_rows: Callable[[np.ndarray], dict[str, Any]] = lambda x: {}

    def arguments(self, given: Mapping[str, Any], name: str) -> dict[str, Any]:
        """Returns those of an estimator's parameters that the builder takes.

        Args:
            given: The parameters that differ from their defaults.
            name: Name of the network.

        Raises:
            InvalidArgument: If a parameter describes a network and is none of this one.
        """
        own = inspect.signature(self.build).parameters
        every = {
            parameter
            for network in NETWORKS.values()
            for parameter in inspect.signature(network.build).parameters
        }
        for parameter, value in given.items():
            if parameter in every and parameter not in own:
                rule = f"be left out with network={name!r}, whose builder does not take it"
                raise _checks.InvalidArgument(parameter, rule, value)
        return {parameter: value for parameter, value in given.items() if parameter in own}


def _columns_of_numbers(x: np.ndarray) -> dict[str, Any]:
    """Returns the columns with more than two values: only those gain by periodic embeddings."""
    if x.ndim != 2:
        return {}
    return {"periodic": np.flatnonzero([len(np.unique(c)) > 2 for c in x.T]).tolist()}


_MLP = Training(
    epochs=100, batch_size=32, early_stopping=False, validation_fraction=0.1, patience=10
)
# Classes are overfitted early: the best epoch is seldom in the last of the four cycles of the
# learning rate, each of which `patience` bridges up to the third. Numbers gain until the end; twice
# the epochs gained nothing that exceeds the error of the mean over eleven tables.
_CLASSES = Training(
    epochs=128, batch_size=256, early_stopping=True, validation_fraction=0.2, patience=40
)
_NUMBERS = Training(
    epochs=128, batch_size=256, early_stopping=True, validation_fraction=0.2, patience=128
)
# Each network of a pack stops for itself.
_PACK = Training(
    epochs=EPOCHS, batch_size=None, early_stopping=False, validation_fraction=0.2, patience=EPOCHS
)
NETWORKS = {
    "mlp": Network(build=mlp, classifier=_MLP, regressor=_MLP),
    "tabular": Network(
        build=tabular, classifier=_CLASSES, regressor=_NUMBERS, from_rows=_columns_of_numbers
    ),
    "pack": Network(build=pack, classifier=_PACK, regressor=_PACK, from_rows=_columns_of_numbers),
}
