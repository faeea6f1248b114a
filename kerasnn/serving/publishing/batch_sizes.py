"""`batch_sizes`, as `export` and `verify` take them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from kerasnn import _checks

# More rows than servers gather.
_LARGEST = 2**16
# What a message of gRPC can be at most, and so a request.
_MOST_BYTES = 2**31 - 1


def batch_sizes(value: Any) -> list[int]:
    """Returns the sizes in order; raises unless they are whole numbers of rows."""
    is_several = isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, str)
    if not is_several or getattr(value, "ndim", 1) == 0 or not len(value):
        raise _checks.InvalidArgument("batch_sizes", "be a sequence of numbers of rows", value)
    for size in value:
        _checks.whole_number("batch_sizes", size)
        if int(size) > _LARGEST:
            rule = f"be at most {_LARGEST} rows"
            raise _checks.InvalidArgument("batch_sizes", rule, value, "A server gathers far fewer.")
    return sorted({int(size) for size in value})


def check_bytes(sizes: Sequence[int], requests: Iterable[Mapping[str, np.ndarray]]) -> None:
    """Raises where the largest batch would be more than one request can hold.

    Args:
        sizes: Numbers of rows.
        requests: Rows of every signature, by input name.
    """
    row = max(sum(array[:1].nbytes for array in rows.values()) for rows in requests)
    if max(sizes) * row > _MOST_BYTES:
        raise _checks.InvalidArgument(
            "batch_sizes",
            f"be at most {_MOST_BYTES // row} for rows of {row} bytes, for a request has 2 GiB at "
            "most",
            list(sizes),
        )
