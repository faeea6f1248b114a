"""Checks of the numbers in arrays."""

import concurrent.futures
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasnn._checks.errors import InvalidArgument

_CHUNK_BYTES = 1 << 20
_PART_BYTES = 1 << 23
# The largest float32.
LIMIT = float(np.finfo(np.float32).max)


def position(index: Any) -> str:
    """Returns the position of an entry, in words.

    >>> position((3, 5)), position((3,)), position((3, 5, 1))
    ('row 3, column 5', 'row 3', 'row 3 at [5, 1]')
    """
    row, *rest = (int(i) for i in index)
    if not rest:
        return f"row {row}"
    return f"row {row}, column {rest[0]}" if len(rest) == 1 else f"row {row} at {rest}"


def numbers_only(name: str, array: np.ndarray) -> None:
    """Raises if an array holds objects or text."""
    if array.dtype.kind not in "buif":
        others = [v for v in array.ravel()[:1000].tolist() if not isinstance(v, (int, float))]
        # The first that is no number as text either, if there is one, is what is wrong.
        others.sort(key=lambda v: isinstance(v, str) and _is_number(v))
        shown = f", such as {others[0]!r:.60}" if others else ""
        raise InvalidArgument(
            name,
            "hold numbers",
            others[0] if others else array.dtype,
            _numbering(name, array, others),
            got=f"{values_of(array)}{shown}",
        )


def values_of(array: np.ndarray) -> str:
    """Returns what an array holds, in words: NumPy's type of a text says its length besides."""
    if array.dtype.kind in "US":
        return "text"
    if array.dtype.kind == "O":
        return "text" if all(isinstance(v, str) for v in array.flat) else "objects"
    return f"dtype {array.dtype}"


def _numbering(name: str, array: np.ndarray, others: list) -> str:
    """Returns the hint on how to turn the values into numbers."""
    if array.dtype.kind == "M":
        # Seconds since 1970 would differ by digits that float32 drops.
        return f"Give days since a first date: `({name} - {name}.min()) / np.timedelta64(1, 'D')`."
    if array.dtype.kind == "m":
        return f"Give days: `{name} / np.timedelta64(1, 'D')`."
    if array.dtype.kind == "c":
        return f"Give its real and its imaginary part: `np.stack([{name}.real, {name}.imag], -1)`."
    if others and (others[0] is None or repr(others[0]) == "<NA>"):
        return "Drop the rows that lack a value, or fill them in."
    if array.ndim == 1 and others and isinstance(others[0], str):
        if _is_number(others[0]):
            return f"Convert it: `{name} = np.asarray({name}).astype('float32')`."
        return f"Number the names: `classes, {name} = np.unique({name}, return_inverse=True)`."
    return (
        "Convert it with `.astype('float32')`, or number its names: `kerasnn.data.from_csv` does."
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def windows(call: str) -> str:
    """Returns the hint for rows of single steps, where windows of them are wanted.

    Args:
        call: The call of NumPy that makes the windows, without its package.
    """
    return (
        "Of the rows of one series, in the order of time, give windows of past steps: "
        f"`np.lib.stride_tricks.{call}`."
    )


def past_steps(name: str, shape: Sequence[int], wanted: Sequence[int | None]) -> str:
    """Returns the hint for an array of single steps, where windows are wanted; else nothing."""
    if len(shape) != 2 or len(wanted) != 3 or shape[1] != wanted[2] or not wanted[1]:
        return ""
    return windows(f"sliding_window_view({name}, {wanted[1]}, axis=0).swapaxes(1, 2)")


def finite(name: str, array: np.ndarray, given: np.ndarray, *, allow_nan: bool = False) -> None:
    """Raises if an array holds infinity, or NaN unless that is allowed.

    NaN and infinity show in the sum of squares, which is NumPy's fastest pass over an array. Large
    numbers may overflow in it, so a second, slower pass decides.

    Args:
        name: Name of the array in the error.
        array: Real numbers, `(batch, ...)`, as the model receives them.
        given: The same as the user gave them, for the error.
        allow_nan: Whether NaN is right.
    """
    lines = array.T if array.flags.f_contiguous else array
    size = max(1, _PART_BYTES // lines[:1].nbytes)
    parts = [lines[start : start + size] for start in range(0, len(lines), size)]
    if len(parts) == 1:
        squares = [_sum_of_squares(lines)]
    else:
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            squares = list(pool.map(_sum_of_squares, parts))
    if not np.isfinite(squares).all():
        finite_range(name, np.where(np.isnan(given), 0, given) if allow_nan else given)


def _sum_of_squares(part: np.ndarray) -> float:
    numbers = part.ravel(order="K")
    with np.errstate(all="ignore"):
        return float(np.dot(numbers, numbers))


def finite_range(name: str, array: np.ndarray) -> tuple[float, float]:
    """Returns the least and the greatest entry; raises if one is not a finite float32.

    NaN and infinity pass through `min` and `max`, so one pass over the data finds them, numbers
    that are too large for float32, and the range of labels.

    Args:
        name: Name of the array in the error.
        array: Numbers, `(batch, ...)`, with at least one entry.
    """
    low, high = np.inf, -np.inf
    rows = max(1, _CHUNK_BYTES // max(1, array[:1].nbytes))
    for start in range(0, len(array), rows):
        chunk = array[start : start + rows]
        least, greatest = float(chunk.min()), float(chunk.max())
        # Every comparison with NaN is false, so a NaN does not pass.
        if not (least >= -LIMIT and greatest <= LIMIT):
            raise _not_finite(name, array)
        low, high = min(low, least), max(high, greatest)
    return low, high


def _not_finite(name: str, array: np.ndarray) -> ValueError:
    bad = ~np.isfinite(array)
    if not bad.any():
        bad = np.abs(array) > LIMIT
        index = tuple(np.argwhere(bad)[0])
        return InvalidArgument(
            name,
            "fit into float32, at most 3.4e38",
            array[index],
            "Rescale that column.",
            got=f"{array[index]:g} in {position(index)}, which would become infinity",
        )
    index = tuple(np.argwhere(bad)[0])
    more = int(bad.sum()) - 1
    rest = f" and {more} more" if more else ""
    return InvalidArgument(
        name,
        "hold finite numbers",
        array[index],
        "Drop those rows, or fill them in.",
        got=f"{array[index]} in {position(index)}{rest}",
    )


def class_labels(name: str, array: np.ndarray, classes: int) -> None:
    """Raises unless an array holds class numbers from 0 to `classes - 1`."""
    low, high = finite_range(name, array)
    if array.dtype.kind == "f" and (array != np.floor(array)).any():
        index = tuple(np.argwhere(array != np.floor(array))[0])
        raise InvalidArgument(
            name,
            "hold class numbers, which are integers",
            array[index],
            "For real numbers use task='regression'.",
            got=f"{array[index]:g} in {position(index)}",
        )
    if low < 0 or high >= classes:
        index = tuple(np.argwhere((array < 0) | (array >= classes))[0])
        hint = "Number the classes from 0"
        if low == 1 and high == classes:
            hint += f": give `{name} - 1`."
        else:
            more = f", or build the model with outputs={int(high) + 1}."
            hint += more if high >= classes else "."
        raise InvalidArgument(
            name,
            f"hold class numbers from 0 to {classes - 1}, since the output has {classes} units",
            array[index],
            hint,
            got=f"{array[index]:g} in {position(index)}",
        )


def embedding_indices(name: str, array: np.ndarray, part: Any, layer: str, input_dim: int) -> None:
    """Raises if values that index the rows of an `Embedding` are not from 0 to input_dim - 1.

    Args:
        name: Name of the array in the error.
        array: Numbers, `(batch, ...)`.
        part: Index of the checked values in the array.
        layer: Name of the `Embedding`.
        input_dim: Its number of rows.
    """
    values = array[part]
    if values.size == 0 or (values.min() >= 0 and values.max() < input_dim):
        return
    is_bad = np.zeros(array.shape, bool)
    is_bad[part] = ~((values >= 0) & (values < input_dim))
    index = tuple(np.argwhere(is_bad)[0])
    more = int(is_bad.sum()) - 1
    if array[index] < 0:
        hint = "A negative index would count from the end; give missing values an index of their "
        hint += "own."
    else:
        hint = (
            f"Number the values from 0, or build the layer with input_dim={int(values.max()) + 1}."
        )
    raise InvalidArgument(
        name,
        f"hold indices from 0 to {input_dim - 1}, since the layer `{layer}` has "
        f"input_dim={input_dim}",
        array[index],
        hint,
        got=f"{array[index]:g} in {position(index)}{f' and {more} more' if more else ''}",
    )
