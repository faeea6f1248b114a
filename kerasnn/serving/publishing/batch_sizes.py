"""Checks of the argument `batch_sizes` of `export` and `verify`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from kerasnn import _checks

# Servers gather far fewer rows.
_LARGEST = 2**16
# Limit of a gRPC message, and so of a request.
_MOST_BYTES = 2**31 - 1


def batch_sizes(value: Any) -> list[int]:
    """Returns the sizes in order; raises unless they are numbers of rows."""
    is_several = isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, str)
    if not is_several or getattr(value, "ndim", 1) == 0 or not len(value):
        raise _checks.InvalidArgument("batch_sizes", "be a sequence of numbers of rows", value)
    for size in value:
        _checks.integer("batch_sizes", size)
        if int(size) > _LARGEST:
            rule = f"be at most {_LARGEST} rows"
            raise _checks.InvalidArgument("batch_sizes", rule, value, "A server gathers far fewer.")
    return sorted({int(size) for size in value})


def check_bytes(sizes: Sequence[int], requests: Iterable[Mapping[str, np.ndarray]]) -> None:
    """Raises where the largest batch would exceed the size of a request.

    Args:
        sizes: Numbers of rows.
        requests: Rows of every signature, by input name.
    """
    row = max(sum(array[:1].nbytes for array in rows.values()) for rows in requests)
    if max(sizes) * row > _MOST_BYTES:
        raise _checks.InvalidArgument(
            "batch_sizes",
            f"be at most {_MOST_BYTES // row} for rows of {row} bytes, because a request has at "
            "most 2 GiB",
            list(sizes),
        )
