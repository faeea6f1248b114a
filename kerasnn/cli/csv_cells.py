"""The cells of a CSV file as what a model's input takes."""

from typing import Any

import ml_dtypes
import numpy as np

_TRUTHS = {"0": False, "1": True, "false": False, "true": True}


def rule(dtype: np.dtype) -> str:
    """Returns what `value` takes.

    >>> rule(np.dtype("uint8"))
    'whole numbers from 0 to 255'
    """
    if dtype.kind == "O":
        return "strings"
    if dtype.kind == "b":
        return "0, 1, true or false"
    if dtype.kind in "iu":
        return f"whole numbers from {np.iinfo(dtype).min} to {np.iinfo(dtype).max}"
    return f"finite numbers up to {float(ml_dtypes.finfo(dtype).max):.2g}"


def value(cell: str, dtype: np.dtype) -> Any:
    """Returns what a cell says, for an array of `dtype`.

    Raises:
        ValueError: If that is not what `rule` says, or too large for `dtype`.
    """
    if dtype.kind == "O":
        return cell
    if dtype.kind == "b" and cell.strip().lower() in _TRUTHS:
        return _TRUTHS[cell.strip().lower()]
    # Python's own numbers may have underscores.
    if dtype.kind == "b" or "_" in cell:
        raise ValueError(cell)
    if dtype.kind in "iu":
        number, limits = int(cell), np.iinfo(dtype)
        is_held = limits.min <= number <= limits.max
    else:
        number = float(cell)
        is_held = abs(number) <= float(ml_dtypes.finfo(dtype).max)
    if not is_held:
        raise ValueError(cell)
    return number


def is_number(cell: str, dtype: np.dtype) -> bool:
    """Returns whether a cell says a number, be it one that `dtype` cannot hold, or a truth."""
    if dtype.kind == "b" and cell.strip().lower() in _TRUTHS:
        return True
    try:
        float(cell)
    except ValueError:
        return False
    # Python's own numbers may have underscores.
    return "_" not in cell
