"""A configuration with its data set and its network, of which earlier ones are kept."""

import dataclasses
from collections.abc import Mapping, Sequence

from kerasnn._core.model import State
from kerasnn.playground.configuration import Configuration
from kerasnn.playground.network.network import Network, build
from kerasnn.playground.points.data import Data, read
from kerasnn.playground.points.tables import Table

_OF_DATA = (
    *("dataset", "task", "classes", "train_ratio", "noise", "data_seed", "table", "target"),
    *("plot_x", "plot_y"),
)
_OF_TRAINING = (
    *("batch_size", "learning_rate", "schedule", "schedule_epochs", "early_stopping", "stops"),
)


@dataclasses.dataclass(frozen=True, eq=False)
class Prepared:
    """What a training begins with.

    Attributes:
        configuration: The configuration.
        data: Its data set.
        network: Its network.
        initial: The state of the network before training.
    """

    configuration: Configuration
    data: Data
    network: Network
    initial: State

    def begin(self) -> None:
        """Puts the network into its state before training."""
        self.initial.restore()
        self.network.model.optimizer.learning_rate.assign(self.configuration.learning_rate)


def prepare(
    configuration: Configuration, tables: Mapping[str, Table], before: Prepared | None
) -> Prepared:
    """Reads the data set of a configuration, and builds its network.

    Data set and network of the training before are kept where they are the same: then nothing is
    read, and the programs that were traced are used again.

    Raises:
        InvalidArgument: If the data set cannot be made.
    """
    data = None
    if before is not None and _same(before.configuration, configuration, _OF_DATA):
        data = before.data
    data = read(configuration, tables) if data is None else data
    if before is not None and _keeps_network(before, configuration, data):
        return Prepared(configuration, data, before.network, before.initial)
    network = build(configuration, data)
    return Prepared(configuration, data, network, State(network.model))


def _keeps_network(before: Prepared, configuration: Configuration, data: Data) -> bool:
    names = [field.name for field in dataclasses.fields(Configuration)]
    of_network = [name for name in names if name not in (*_OF_DATA, *_OF_TRAINING)]
    if not _same(before.configuration, configuration, of_network):
        return False
    if "table" in (before.configuration.dataset, configuration.dataset):
        # The first layer of a table has learned from its rows.
        return data is before.data
    a, b = data, before.data
    return (a.task, a.split.outputs, a.inputs) == (b.task, b.split.outputs, b.inputs)


def _same(a: Configuration, b: Configuration, names: Sequence[str]) -> bool:
    """Whether two configurations are equal in some settings."""
    return all(getattr(a, name) == getattr(b, name) for name in names)
