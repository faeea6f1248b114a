"""Indices of small types for many rows, which NumPy would copy as int64 if taken all at once."""

from collections.abc import Iterator

import numpy as np

_ROWS = 1 << 20


def chunks(rows: int) -> Iterator[slice]:
    """Yields slices that cover all rows."""
    for start in range(0, rows, _ROWS):
        yield slice(start, min(start + _ROWS, rows))


def look_up(table: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Returns `table[indices]` for 1-D indices.

    >>> look_up(np.array([0.5, 2.5]), np.array([1, 0, 1], np.uint8)).tolist()
    [2.5, 0.5, 2.5]
    """
    found = np.empty(len(indices), table.dtype)
    for here in chunks(len(indices)):
        found[here] = table[indices[here]]
    return found


def counts(indices: np.ndarray, least: int = 0) -> np.ndarray:
    """Returns how often each index occurs: `np.bincount(indices, minlength=least)`."""
    if not indices.size:
        return np.zeros(least, np.int64)
    size = max(least, int(indices.max()) + 1)
    flat = indices.ravel()
    return np.sum([np.bincount(flat[h], minlength=size) for h in chunks(flat.size)], axis=0)


def mask_of(indices: np.ndarray, rows: int) -> np.ndarray:
    """Returns a mask of some rows."""
    mask = np.zeros(rows, bool)
    for here in chunks(len(indices)):
        mask[indices[here]] = True
    return mask
