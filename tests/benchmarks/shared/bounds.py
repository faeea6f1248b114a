"""What the engine promises, and whether it was measured to be so."""

import dataclasses
import math
import statistics
from typing import Any

from shared.networks import NETWORKS

# How many times as fast as Keras's `fit` steps and whole jobs have to be.
_STEPS = {
    "2-8-2": 80,
    "64-64-10 Dropout": 25,
    "784-128-10 Dropout": 6,
    "LSTM 32, 28 steps": 4,
    "conv16, 8x8": 4,
    "conv32-conv64, 28x28": 1.4,
}
# How many times as long a step takes as one without dropout, under XLA: with kerasnn's Dropout at
# most, and with Keras's at least, or there would be no need for one of our own.
_OUR_DROPOUT, _KERAS_DROPOUT = 1.3, 3
_JOBS = {"XOR": 60, "digits MLP, validated": 6, "breast_cancer": 1}
# No job takes longer than 1.25 times as long as with Keras.
_ANY_JOB = 1 / 1.25
_AGAINST_JAX = 1 / 1.1


@dataclasses.dataclass(frozen=True)
class Bound:
    """A promise: a number, and the least or the most that it may be."""

    name: str
    value: float
    at_least: float = -math.inf
    at_most: float = math.inf

    @property
    def holds(self) -> bool:
        """Whether the promise is kept."""
        return self.at_least <= self.value <= self.at_most

    def __str__(self) -> str:
        least = self.at_least > -math.inf
        limit = f"at least {self.at_least:.3g}" if least else f"at most {self.at_most:.3g}"
        return f"{'holds' if self.holds else 'FAILS'}  {self.name}: {self.value:.3g}, {limit}"


def bounds_of_networks(timings: Any) -> list[Bound]:
    """Returns the bounds on steps: of the engine that a long training takes."""
    bounds = []
    for network in NETWORKS:
        of_name = {t.contestant: t for t in timings if t.name == network.name}
        if not of_name:
            continue
        ours, engine = of_name[network.engine], f"{network.name}, {network.engine}"
        if network.name in _STEPS:
            bounds.append(Bound(f"{engine} against Keras", ours.to_keras, _STEPS[network.name]))
        # Keras's own Dropout is there to be compared with, and promises nothing.
        if not network.is_dense or "keras_dropout" in network.kinds:
            continue
        for rival, least in (("torch", 1), ("jax", _AGAINST_JAX)):
            if rival in of_name:
                ratio = of_name[rival].median / ours.median
                bounds.append(Bound(f"{engine} against {rival}", ratio, least))
    return bounds


def bounds_of_dropout(seconds: dict[str, list[float]]) -> list[Bound]:
    """Returns the bounds on what dropout adds to a step, from rounds in which all took turns.

    Args:
        seconds: A list of rounds for the network without dropout, with kerasnn's, with Keras's.
    """
    (plain, without), (ours, with_ours), (keras, with_keras) = seconds.items()

    def ratio(rounds: list[float]) -> float:
        return statistics.median(one / other for one, other in zip(rounds, without, strict=True))

    return [
        Bound(f"{ours}, xla, against {plain}", ratio(with_ours), at_most=_OUR_DROPOUT),
        Bound(f"{keras}, xla, against {plain}", ratio(with_keras), at_least=_KERAS_DROPOUT),
    ]


def bounds_of_jobs(timings: Any) -> list[Bound]:
    """Returns the bounds on whole jobs."""
    return [
        Bound(f"{t.name}, auto ({t.engine}) against Keras", t.to_keras, _JOBS.get(t.name, _ANY_JOB))
        for t in timings
        if t.contestant == "auto"
    ]
