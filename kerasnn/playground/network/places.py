"""Places of single weights in a network, as a page names them."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from kerasnn import _checks
from kerasnn.playground.network.network import Network


@dataclasses.dataclass(frozen=True)
class WeightPlace:
    """Where a weight is.

    Attributes:
        layer: Index of its dense layer.
        weight: `kernel` or `bias`.
        place: Index in the kernel or the bias.
    """

    layer: int
    weight: str
    place: tuple[int, ...]

    def index(self, network: Network) -> int:
        """Returns the index in all kernels and biases, as `Network.weights` returns them."""
        before = sum(layer.count_params() for layer in network.dense[: self.layer])
        dense = network.dense[self.layer]
        if self.weight == "bias":
            return before + int(np.prod(dense.kernel.shape)) + self.place[0]
        return before + int(np.ravel_multi_index(self.place, tuple(dense.kernel.shape)))


def place_of(given: Mapping[str, Any], network: Network) -> WeightPlace:
    """Returns the place of a weight.

    Args:
        given: `layer`, from 1 for the first hidden one; `unit` in it; and `input`, the unit of the
            layer before, or None for the bias.
        network: The network.

    Raises:
        InvalidArgument: If there is no such weight.
    """
    layer = index_of("layer", given.get("layer"), 1, len(network.dense) + 1) - 1
    inputs, units = network.dense[layer].kernel.shape
    unit = index_of("unit", given.get("unit"), 0, units)
    if given.get("input") is None:
        return WeightPlace(layer, "bias", (unit,))
    return WeightPlace(layer, "kernel", (index_of("input", given["input"], 0, inputs), unit))


def index_of(name: str, value: Any, low: int, high: int) -> int:
    """Returns an integer of at least `low` and below `high`.

    Raises:
        InvalidArgument: If it is none.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value < high:
        raise _checks.InvalidArgument(name, f"be an integer from {low} to {high - 1}", value)
    return value
