"""The networks that an estimator builds by name, and how each is trained by default."""

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from kerasnn import _checks
from kerasnn.models.ensembles.pack import pack
from kerasnn.models.ensembles.pack_model import EPOCHS
from kerasnn.models.mlp import mlp
from kerasnn.models.tabular import tabular


@dataclasses.dataclass(frozen=True, kw_only=True)
class Network:
    """A builder, and the values of an estimator's parameters that are None.

    Attributes:
        build: A builder of `kerasnn.models`.
        epochs: Passes over the training rows.
        batch_size: Rows in a batch; None leaves it to the network.
        early_stopping: Whether to validate, and to take the best epoch.
        validation_fraction: Fraction of the rows to validate on.
        patience: Epochs without a better validation loss before training ends.
    """

    build: Callable[..., Any]
    epochs: int
    batch_size: int | None
    early_stopping: bool
    validation_fraction: float
    patience: int

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


NETWORKS = {
    "mlp": Network(
        build=mlp,
        epochs=100,
        batch_size=32,
        early_stopping=False,
        validation_fraction=0.1,
        patience=10,
    ),
    "tabular": Network(
        build=tabular,
        epochs=256,
        batch_size=256,
        early_stopping=True,
        validation_fraction=0.2,
        patience=64,
    ),
    "pack": Network(
        build=pack,
        epochs=EPOCHS,
        batch_size=None,
        early_stopping=False,
        validation_fraction=0.2,
        patience=10,
    ),
}
