"""A question about a network, with copies of what it is about."""

import dataclasses
from typing import Any

import numpy as np

from kerasnn import _checks
from kerasnn.doctor.rules.finding import Finding
from kerasnn.playground.configuration import Configuration
from kerasnn.playground.network.network import Network, build, targets
from kerasnn.playground.points.data import Data

#: What can be asked, besides the code.
WHAT = ("lr_find", "ensemble", "mc_dropout", "k_fold", "loss_surface", "confusion", "doctor")


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Question:
    """A question about a network.

    Attributes:
        what: What is asked.
        number: Number that the answer names.
        options: Options of the message.
        generation: Number of the training that it is about.
        configuration: Its configuration.
        data: Its data set.
        epoch: Number of epochs done.
        variables: Values of all variables of the model.
        path: Kernels and biases during training.
        findings: What the doctor has found while it trained.
        doctor: What `TrainingDoctor.state` returned, or None.
    """

    what: str
    number: Any
    options: dict[str, Any]
    generation: int
    configuration: Configuration
    data: Data
    epoch: int
    variables: list[np.ndarray]
    path: list[np.ndarray]
    findings: tuple[Finding, ...]
    doctor: dict[str, Any] | None

    def network(self) -> Network:
        """Returns a copy of the network."""
        network = build(self.configuration, self.data)
        for variable, value in zip(network.model.variables, self.variables, strict=True):
            variable.assign(value)
        return network

    def new_model(self) -> Any:
        """Returns a new network without a seed, which has learned nothing."""
        return build(self.configuration, self.data, fresh=True).model

    @property
    def train(self) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and targets that are trained on."""
        return self.data.split.x_train, targets(self.configuration, self.data)[0]

    @property
    def test(self) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and targets of the test rows."""
        return self.data.split.x_test, targets(self.configuration, self.data)[1]

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        """Returns an option.

        Raises:
            InvalidArgument: If it is no integer in its range.
        """
        value = self.options.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise _checks.InvalidArgument(name, f"be an integer from {low} to {high}", value)
        return value
