"""Times Keras's `fit`, kerasnn's engines, torch and jax on the same trainings, in one process.

    python tests/benchmarks/training.py [--rounds 5] [--only NAME] [--quick] [--costs] [--json FILE]

Networks are timed in steady state: after fits that compile, each contestant fits for about half a
second a round. Jobs are timed from a fresh model on: tracing and compiling count. Contestants take
turns, so that a busy machine is slow for all of them, and the median round counts. torch and jax
take part where they can be imported. Exits with 1 where a bound does not hold.
"""

import argparse
import dataclasses
import gc
import json
import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from costs import measure_costs
from networks import NETWORKS, Job, Network, jobs, on_gpu
from torch_and_jax import is_there, jax_fit, torch_fit

import kerasnn

# How many times faster than Keras's `fit` the engine has to be, and XLA or graph than the others.
STEADY_BOUNDS = {
    "2-8-2": 80,
    "64-64-10 Dropout": 25,
    "784-128-10 Dropout": 6,
    "LSTM 32, 28 steps": 4,
    "conv16, 8x8": 4,
    "conv32-conv64, 28x28": 1.4,
}
JOB_BOUNDS = {"XOR": 60, "digits MLP, validated": 6, "breast_cancer": 1}
# No job may take longer than 1.25 times as long as with Keras.
ANY_JOB = 1 / 1.25

Fit = Callable[[int], Any]


@dataclasses.dataclass
class Timing:
    """What one contestant took, in seconds: for a step of a network, or for a job."""

    name: str
    contestant: str
    unit: str
    rows: int
    steps: int
    seconds: list[float]
    chosen: str = ""
    ratio: float = math.nan

    @property
    def median(self) -> float:
        """The median round."""
        return statistics.median(self.seconds)


@dataclasses.dataclass(frozen=True)
class Bound:
    """A promise, and what was measured."""

    name: str
    value: float
    at_least: float = -math.inf
    at_most: float = math.inf

    @property
    def holds(self) -> bool:
        """Whether the promise is kept."""
        return self.at_least <= self.value <= self.at_most
