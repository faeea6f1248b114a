"""What a user changed while a network trained: learning rates and weights."""

import dataclasses
from typing import Any

from kerasnn.playground.network.network import Network


@dataclasses.dataclass(frozen=True, kw_only=True)
class Change:
    """One number that was set after an epoch.

    Attributes:
        epoch: Number of epochs that were done; 0 is before training.
        layer: Name of the dense layer; empty for the learning rate.
        weight: `kernel` or `bias`.
        place: Index in the weight.
        value: The new number.
    """

    epoch: int
    layer: str = ""
    weight: str = ""
    place: tuple[int, ...] = ()
    value: float

    def apply(self, network: Network) -> None:
        """Sets the number."""
        if not self.layer:
            network.model.optimizer.learning_rate.assign(self.value)
            return
        variable = getattr(network.model.get_layer(self.layer), self.weight)
        values = variable.numpy()
        values[self.place] = self.value
        variable.assign(values)

    def same_place(self, other: "Change") -> bool:
        """Whether another change sets the same number after the same epoch."""
        return dataclasses.replace(self, value=0.0) == dataclasses.replace(other, value=0.0)

    @property
    def as_tuple(self) -> tuple[Any, ...]:
        """The change as the code shown has it."""
        if not self.layer:
            return ("learning_rate", self.value)
        return (self.layer, self.weight, self.place, self.value)


def added(changes: list[Change], change: Change) -> list[Change]:
    """Returns the changes with another one, which replaces that of the same place and epoch."""
    return [*(each for each in changes if not each.same_place(change)), change]
