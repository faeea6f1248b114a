"""What a table and a folder of images have in common, for the steps of the command."""

import abc
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from kerasnn.cli.training.networks.rows import Rows
from kerasnn.cli.training.networks.trained import Settings, Trained
from kerasnn.data.split import Split
from kerasnn.report import Column


class Fold(NamedTuple):
    """Rows to learn from, and inputs of the rows to predict."""

    rows: Rows
    x_test: np.ndarray


# Returns predictions `(rows, outputs)` for the test rows of a fold, from its rows and a seed.
Contestant = Callable[[Fold, int], np.ndarray]


class Problem(abc.ABC):
    """Data, and how a network learns from it.

    Attributes:
        split: Training part and test part.
        left_out: Name of what was left out of the data -> the reason.
        notes: Sentences about the data.
        network: Name of the network.
    """

    split: Split
    left_out: Mapping[str, str]
    notes: tuple[str, ...]
    network: str

    @abc.abstractmethod
    def described(self) -> str:
        """Returns what was read, in words."""

    @abc.abstractmethod
    def folds(self, count: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Returns the indices of training rows and test rows of each fold, of the training part."""

    @abc.abstractmethod
    def fold(self, train: np.ndarray, test: np.ndarray) -> Fold:
        """Returns a fold, of which nothing was learned from the test rows."""

    @abc.abstractmethod
    def contestants(self, settings: Settings) -> dict[str, Contestant]:
        """Returns the models to compare by name, the network first."""

    @abc.abstractmethod
    def train(self, settings: Settings, *, seed: int, verbose: int) -> Trained:
        """Returns a network that has learned from the training part."""

    @property
    def columns(self) -> Sequence[Column] | None:
        """Returns what the columns of a table are taken for, or None."""
        return None

    @property
    @abc.abstractmethod
    def examples(self) -> Any:
        """Rows for the verification of the exported model; None for those of the encoder."""
