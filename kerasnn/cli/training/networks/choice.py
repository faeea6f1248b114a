"""The networks by name, which ones suit a table, and which one it gets by default."""

from typing import Protocol

import numpy as np

from kerasnn import _checks
from kerasnn.cli.training.networks import mlp, pack, tabular
from kerasnn.cli.training.networks.rows import Rows
from kerasnn.cli.training.networks.trained import Settings, Trained
from kerasnn.cli.training.options import Options

# Beyond, the mean of a pack is better than that of the four networks of `mlp` on most tables.
_ROWS_OF_A_PACK = 500
# Fewer have too few rows to validate on; more take tens of minutes.
_COMPARED_ROWS = range(100, 10_001)


class Train(Protocol):
    """A function that trains one kind of network."""

    def __call__(self, rows: Rows, settings: Settings, *, seed: int, verbose: int = 0) -> Trained:
        """Returns a trained network."""
        ...


#: Name of a network -> what trains it.
TRAIN: dict[str, Train] = {"mlp": mlp.train, "tabular": tabular.train, "pack": pack.train}


def compared(x: np.ndarray, options: Options) -> tuple[str, ...]:
    """Returns the names of the networks to compare, that to train first.

    By default a `pack` is trained on more than 500 rows of a table, without windows or a search,
    and `mlp` else; and all are compared on 100 to 10,000 rows.

    Args:
        x: Rows of the training part.
        options: Arguments of the command.

    Raises:
        InvalidArgument: If a network does not suit the table or the search.
    """
    is_plain = x.ndim == 2
    own = options.network
    if own is None:
        is_pack = len(x) > _ROWS_OF_A_PACK and is_plain and not options.search
        own = "pack" if is_pack else "mlp"
    names = options.compare
    if names is None:
        names = tuple(TRAIN) if is_plain and len(x) in _COMPARED_ROWS else ("mlp",)
    for flag, given in (("--network", own), *(("--compare", name) for name in names)):
        if given != "mlp" and not is_plain:
            hint = "The others learn from rows without windows of past steps."
            raise _checks.InvalidArgument(flag, "be mlp with --windows", given, hint)
    if options.search and own != "mlp":
        rule = f"be left out with --network {own}, since it searches for settings of mlp"
        raise _checks.InvalidArgument("--search", rule, options.search)
    if options.search and options.learning_rate is not None:
        rule = "be left out with --search, which searches for it"
        raise _checks.InvalidArgument("--learning-rate", rule, options.learning_rate)
    return tuple(dict.fromkeys([own, *names]))
