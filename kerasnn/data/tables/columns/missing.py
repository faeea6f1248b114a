"""The argument `missing`: what is done with missing values, by column."""

import collections
from collections.abc import Mapping
from typing import Any

from kerasnn import _checks
from kerasnn.data.tables.columns.specs import POLICIES


def policies(missing: Any) -> Mapping[str, str]:
    """Returns the policy of each column.

    Args:
        missing: A policy, or a dictionary of policies by column, in which None stands for all
            other columns; without it these are "error".

    Raises:
        InvalidArgument: If a policy is unknown.

    Example:
        >>> policy = policies({"age": "median", None: "mean"})
        >>> policy["age"], policy["height"]
        ('median', 'mean')
    """
    given = missing if isinstance(missing, Mapping) else {None: missing}
    for name, policy in given.items():
        if name is None:
            _checks.one_of("missing", policy, POLICIES)
        elif policy not in POLICIES:
            raise _checks.InvalidArgument(
                "missing",
                f"be one of {', '.join(map(repr, POLICIES))} for each column",
                policy,
                _checks.did_you_mean(policy, POLICIES),
                got=f"{policy!r} for {name!r}",
            )
    others = given.get(None, "error")
    return collections.defaultdict(lambda: others, given)
