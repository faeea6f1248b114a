"""The argument `missing`: what is done with missing values, by column."""

from collections.abc import Mapping, Sequence
from typing import Any

from kerasnn import _checks
from kerasnn.data.tables.columns import POLICIES


def policies(missing: Any, names: Sequence[str]) -> dict[str, str]:
    """Returns the policy of each column.

    Args:
        missing: A policy, or a dictionary of policies by column, in which None stands for all
            other columns; without it these are "error".
        names: Names of the columns of the table.

    Raises:
        InvalidArgument: If a policy or column is unknown.

    Example:
        >>> policies({"age": "median", None: "mean"}, ["age", "height"])
        {'age': 'median', 'height': 'mean'}
    """
    if not isinstance(missing, Mapping):
        _checks.one_of("missing", missing, POLICIES)
        return {name: str(missing) for name in names}
    for name, policy in missing.items():
        if name is not None and name not in names:
            raise _checks.InvalidArgument(
                "missing",
                f"name columns of the table: {', '.join(map(repr, names))}",
                name,
                _checks.did_you_mean(name, names) if isinstance(name, str) else "",
            )
        _checks.one_of("missing", policy, POLICIES)
    others = str(missing.get(None, "error"))
    return {name: str(missing.get(name, others)) for name in names}
