"""`batch_sizes`, as `export` and `verify` take them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasnn import _checks


def batch_sizes(value: Any) -> list[int]:
    """Returns the sizes in order; raises unless they are whole numbers of rows."""
    is_several = isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, str)
    if not is_several or getattr(value, "ndim", 1) == 0 or not len(value):
        raise _checks.wrong("batch_sizes", "be a sequence of numbers of rows", value)
    for size in value:
        _checks.whole_number("batch_sizes", size)
    return sorted({int(size) for size in value})
